'use strict';

// kimdb recover: brings what a process left in its log to the shards, and tells about it.

const { locateExisting, open } = require('../database.js');
const { EXIT } = require('../exit.js');
const terminal = require('../terminal.js');

module.exports = (program, run) => {
  program
    .command('recover')
    .summary('bring what a killed process left in its log to the shards')
    .description(
      'Open the database, which brings to the shards what a killed process left in its log, tell what was recovered and what is damaged, and close it. A program that opens the database does the same by itself. A damaged log is kept beside the new one. The exit code is 1 if something was damaged.',
    )
    .action(run(recover));
};

async function recover(options, console) {
  const found = locateExisting(options);
  const db = open(found, console);
  const damage = [];
  db.on('error', ({ code, message, path }) => damage.push({ code, message, path }));
  let figures;
  try {
    await db.flush();
    figures = db.stats();
  } finally {
    // It tells what is to be told before it returns.
    db.close();
  }
  const { recoveredWrites, damagedBytes } = figures;
  await console.print({ recoveredWrites, damagedBytes, damage }, () =>
    [
      recoveredWrites === 0
        ? 'Nothing was left to recover.'
        : `Recovered ${terminal.countOf(recoveredWrites, 'write')}.`,
      damage.length === 0
        ? 'No damage was met.'
        : `Damage was met: ${terminal.bytes(damagedBytes)} of the log are lost.`,
    ].join('\n'),
  );
  return damage.length > 0 ? EXIT.found : EXIT.done;
}
