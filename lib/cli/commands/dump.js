'use strict';

// kimdb dump: whole collections as lines of JSON. Memory does not grow with them.

const { chooseCollections, countDocuments, namedByTables, pagesOf } = require('../contents.js');
const { openExisting } = require('../database.js');
const { exitCodeOf } = require('../exit.js');
const { turn, watchSignals } = require('../interrupt.js');
const terminal = require('../terminal.js');

/** About so many bytes are read and written at a time; a larger document goes alone. */
const PAGE_BYTES = 1 << 20;
const NEWLINE = 10;

module.exports = (program, run) => {
  program
    .command('dump')
    .summary('print all documents, one JSON object a line')
    .description(
      'Print the documents of all collections, or of those named, one JSON object a line with collection, id, data, _version, created_at and updated_at. "kimdb load" reads that. Documents come in no particular order.',
    )
    .argument('[collections...]', 'only these collections')
    .addHelpText(
      'after',
      `
Examples:
  kimdb dump > backup.ndjson
  kimdb dump users posts | gzip > backup.ndjson.gz
  kimdb dump | kimdb --db copy.db load

The output is the same with and without --json.`,
    )
    .action(run(dump));
};

async function dump(options, console, names) {
  const db = openExisting(options, console);
  const watch = watchSignals();
  try {
    await db.flush();
    const collections = chooseCollections(db, names);
    const tables = namedByTables(db, collections);
    if (tables.length > 0) {
      console.say(
        `No program has used these since kimdb 7, which kept no names but those of the tables: ${tables.map((name) => `'${name}'`).join(', ')}. Before you load them, put the names that your program has for them, such as 'user-posts' for 'userposts'.`,
      );
    }
    const isShown = console.showsProgress;
    const total = isShown ? collections.reduce((sum, name) => sum + countDocuments(db, name), 0) : 0;
    const progress = console.progress('documents dumped', total, isShown);
    let documents = 0;
    try {
      for (const collection of collections) {
        for (const page of pagesOf(db, collection, PAGE_BYTES)) {
          await console.write(page);
          documents += linesOf(page);
          progress.update(documents);
          await turn();
          if (watch.signal) break;
        }
        if (watch.signal) break;
      }
    } finally {
      progress.end();
    }
    if (watch.signal) {
      console.complain(
        `Interrupted: ${terminal.countOf(documents, 'document')} dumped, and that is not all.`,
      );
      return exitCodeOf(watch.signal);
    }
    console.say(
      `Dumped ${terminal.countOf(documents, 'document')} of ${terminal.countOf(collections.length, 'collection')}.`,
    );
  } finally {
    watch.release();
    db.close();
  }
}

function linesOf(page) {
  let count = 0;
  for (let at = page.indexOf(NEWLINE); at !== -1; at = page.indexOf(NEWLINE, at + 1)) count++;
  return count;
}
