'use strict';

// kimdb reshard: moves the documents to another number of shards.

const { MAX_SHARDS } = require('../../options.js');
const { integerTo } = require('../arguments.js');
const { countCollections, sumOf } = require('../contents.js');
const { locateExisting, open } = require('../database.js');
const terminal = require('../terminal.js');

module.exports = (program, run) => {
  program
    .command('reshard')
    .summary('move the documents to another number of shards')
    .description(
      'Move the documents of a database to another number of shards (SQLite files). Programs that open it without the option shardCount use the new number from then on.',
    )
    .requiredOption('--to <shards>', `the number of shards, from 1 to ${MAX_SHARDS}`, integerTo(MAX_SHARDS))
    .action(run(reshard));
};

async function reshard(options, console) {
  const found = locateExisting(options);
  const db = open(found, console, { shardCount: options.to });
  try {
    const result = { from: found.shards, to: options.to, documents: sumOf(countCollections(db)) };
    const documents = terminal.countOf(result.documents, 'document');
    const shards = terminal.countOf(result.to, 'shard');
    if (console.isJson) await console.print(result);
    else if (result.from === result.to) console.say(`The database has ${shards} already.`);
    else console.say(`${documents}, now in ${shards} instead of ${result.from}.`);
  } finally {
    db.close();
  }
}
