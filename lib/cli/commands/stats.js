'use strict';

// kimdb stats: how large a database is, and where.

const fs = require('node:fs');
const { countCollections, sumOf } = require('../contents.js');
const { openExisting, shown } = require('../database.js');
const { bytes, listing } = require('../terminal.js');

module.exports = (program, run) => {
  program
    .command('stats')
    .summary('how many documents there are, and how much room they take')
    .description(
      'Tell how many shards, collections and documents a database has, and how much room they take.',
    )
    .action(run(stats));
};

async function stats(options, console) {
  const db = openExisting(options, console);
  try {
    const { recoveredWrites, shardCount } = db.stats();
    const collections = countCollections(db);
    const { dbPath, walPath, walSize } = db.db.config;
    const files = [...db.db.shards.values()].map((shard) => shard.name);
    const found = {
      dbPath,
      shards: shardCount,
      collections: collections.length,
      documents: sumOf(collections),
      shardBytes: files.reduce((sum, file) => sum + sizeOf(file) + sizeOf(`${file}-wal`), 0),
      walPath,
      walSize,
      recoveredWrites,
    };
    await console.print(found, () =>
      listing([
        ['database', shown(found.dbPath)],
        ['shards', found.shards],
        ['collections', found.collections],
        ['documents', found.documents],
        ['size of the shards', bytes(found.shardBytes)],
        ['log', shown(found.walPath)],
        ['size of the log', bytes(found.walSize)],
        ['recovered just now', found.recoveredWrites],
      ]),
    );
  } finally {
    db.close();
  }
}

function sizeOf(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
