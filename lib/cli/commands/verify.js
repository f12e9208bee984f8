'use strict';

// kimdb verify: looks for damage and changes nothing.

const fs = require('node:fs');
const { toPublicError } = require('../../errors.js');
const native = require('../../native.js');
const { resolveOptions } = require('../../options.js');
const { locateExisting, shown } = require('../database.js');
const { EXIT, Failure } = require('../exit.js');
const terminal = require('../terminal.js');

module.exports = (program, run) => {
  program
    .command('verify')
    .summary('look for damage, without changing anything')
    .description(
      'Look for damage in the log and in every shard: checksums, the structure of the SQLite files, whether each document is JSON and lies in the shard that its id belongs to. Nothing is opened for writing, recovered or changed, so it works on a read-only copy too.',
    )
    .option('--quick', 'leave out the comparison of indexes with their tables, which takes longest', false)
    .addHelpText(
      'after',
      `
Exit codes:
  0  no damage
  1  something is damaged or lost
  2  something could not be looked at, and what could is not damaged
  3  another process has the database open, or opened it meanwhile

Writes that are in the log and not in the shards yet are no damage: the next opening recovers them.`,
    )
    .action(run(verify));
};

async function verify(options, console) {
  const { dbPath, walPath, shards, isFormer } = locateExisting(options);
  if (isFormer) {
    throw new Failure(
      `The documents of '${shown(dbPath)}' are in files that kimdb 7 named in its own way; the first opening brings them to shards, which can be verified. Keep a copy, run 'kimdb recover', and verify then.`,
    );
  }
  const progress = console.progress('documents checked', 0);
  let documents = 0;
  let report;
  try {
    report = native.Files.verify(
      { dbPath, walPath: logOf(options, walPath), quick: options.quick },
      (shard, more) => {
        documents += more;
        progress.update(documents, `${terminal.count(documents)}, shard ${shard + 1} of ${shards}`);
      },
    );
  } catch (error) {
    throw toPublicError(error);
  } finally {
    progress.end();
  }
  const result = resultOf(report);
  await console.print({ result, ...report }, () => describe(report, result));
  return { intact: EXIT.done, damaged: EXIT.found, unchecked: EXIT.failed }[result];
}

/** The log to look at, where the shards do not know it. */
function logOf(options, walPath) {
  if (options.wal !== undefined) return walPath;
  // kimdb 7 left no note of where its log is.
  const usual = resolveOptions({}).native.walPath;
  return walPath === undefined && fs.existsSync(usual) ? usual : undefined;
}

function resultOf({ findings }) {
  const has = (severity) => findings.some((finding) => finding.severity === severity);
  if (has('damage')) return 'damaged';
  return has('unchecked') ? 'unchecked' : 'intact';
}

const NAMES = { damage: 'damage', unchecked: 'not checked', note: 'note' };

function describe({ shards, documents, logs, findings }, result) {
  const paint = terminal.paint(process.stdout);
  const colors = { damage: paint.red, unchecked: paint.yellow, note: paint.dim };
  const lines = findings.map(({ severity, path, text }) => {
    return `${colors[severity](NAMES[severity])}  ${terminal.oneLine(shown(path))}: ${terminal.oneLine(text)}`;
  });
  lines.push(`${terminal.countOf(shards, 'shard')}, ${terminal.countOf(documents, 'document')}`);
  for (const { path, writes, unflushed } of logs) {
    const waiting = `${terminal.count(unflushed)} of them not in the shards yet`;
    lines.push(`log ${terminal.oneLine(shown(path))}: ${terminal.countOf(writes, 'write')}, ${waiting}`);
  }
  const verdict = {
    intact: paint.green('No damage found.'),
    damaged: paint.red('Damage was found.'),
    unchecked: paint.yellow('No damage found in what could be looked at.'),
  };
  lines.push(verdict[result]);
  return lines.join('\n');
}
