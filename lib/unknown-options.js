'use strict';

// Options that are none: mostly a name that was mistyped.

const warnedOf = new Set();

/** Warns once of each option that is none of `names`, and tells which one may be meant. */
function warnOfUnknown(options, names) {
  for (const name of Object.keys(options)) {
    if (names.includes(name) || warnedOf.has(name)) continue;
    warnedOf.add(name);
    const { nearest, distance } = nearestName(name, names);
    const advice =
      distance <= Math.ceil(name.length / 2)
        ? `did you mean '${nearest}'?`
        : `the options are ${names.join(', ')}`;
    process.emitWarning(`unknown option '${name}'; ${advice}`, {
      type: 'KimDBWarning',
      code: 'KIMDB_UNKNOWN_OPTION',
    });
  }
}

function nearestName(name, names) {
  let best = { nearest: '', distance: Number.POSITIVE_INFINITY };
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < best.distance) best = { nearest: candidate, distance };
  }
  return best;
}

/** Levenshtein: how many single-letter edits make `a` into `b`. */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(replaced, row[j] + 1, next[j - 1] + 1);
    }
    row = next;
  }
  return row[b.length];
}

module.exports = { warnOfUnknown };
