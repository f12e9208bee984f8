'use strict';

// kimdb ls: the collections of a database.

const { countCollections } = require('../contents.js');
const { openExisting } = require('../database.js');
const { table } = require('../terminal.js');

module.exports = (program, run) => {
  program
    .command('ls')
    .summary('the collections, and how many documents each has')
    .description('List the collections of a database, and how many documents each has.')
    .action(run(ls));
};

async function ls(options, console) {
  const db = openExisting(options, console);
  try {
    const collections = countCollections(db);
    if (collections.length === 0 && !console.isJson) {
      console.say('The database has no collections.');
      return;
    }
    await console.print(collections, () =>
      table([
        ['collection', 'documents'],
        ...collections.map(({ collection, documents }) => [collection, documents]),
      ]),
    );
  } finally {
    db.close();
  }
}
