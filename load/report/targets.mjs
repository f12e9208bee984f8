// What this kimdb wants to reach, in comparison with the other stores of the same run.
import { figure } from '../../benchmark/support/format.mjs';
import { BARE, NEW, OLD } from '../stores/index.mjs';

/** The event loop may be so much later than without a store, in milliseconds. */
const LATER_MS = 2;
/** How many times shorter the longest delay is than the old library's. */
const TIMES = 10;

/** Those of the targets that this run says something about: { text, reached, wanted, isMet }. */
export function judge(rows) {
  const find = (wanted) => rows.find(({ name }) => name === wanted);
  const [own, old, bare] = [find(NEW), find(OLD), find(BARE)];
  if (!own) return [];
  const bad = own.failed + own.wrong;
  const targets = [
    { text: 'answers that failed or were wrong', reached: figure(bad), wanted: '0', isMet: bad === 0 },
  ];
  if (bare) {
    const later = own.mix.loop.p99 - bare.mix.loop.p99;
    targets.push({
      text: 'event loop, p99, later than without a store',
      reached: `${figure(later)} ms`,
      wanted: `at most ${LATER_MS} ms`,
      isMet: later <= LATER_MS,
    });
  }
  if (old) {
    const phases = [
      ['mix', 'reads and writes'],
      ['burst', 'bursts'],
    ];
    for (const [phase, name] of phases) {
      const times = (row) => old[phase].loop.max / row[phase].loop.max;
      // What the server does by itself is a bound for any store.
      const bound = bare ? `; no store: ${times(bare).toFixed(2)} x` : '';
      targets.push({
        text: `event loop, longest delay, ${name}`,
        reached: `${times(own).toFixed(2)} x kimdb-old${bound}`,
        wanted: `${TIMES} x kimdb-old`,
        isMet: times(own) >= TIMES,
      });
      if (bare)
        targets.push(
          judgeAdded(
            name,
            [own, old, bare].map((row) => row[phase].loop.max),
          ),
        );
    }
  }
  return targets;
}

/** The same, but only what the store adds to the longest delay. */
function judgeAdded(name, [own, old, bare]) {
  const added = Math.max(0, own - bare);
  const oldAdded = Math.max(0, old - bare);
  return {
    text: `the same, only what the store adds, ${name}`,
    reached: `${figure(added)} ms; kimdb-old: ${figure(oldAdded)} ms`,
    wanted: `1/${TIMES} of kimdb-old`,
    isMet: added <= oldAdded / TIMES,
  };
}
