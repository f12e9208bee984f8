'use strict';

// kimdb get: one document.

const { openExisting } = require('../database.js');
const { EXIT, Failure } = require('../exit.js');
const { printable } = require('../terminal.js');

module.exports = (program, run) => {
  program
    .command('get')
    .summary('print a document')
    .description(
      'Print the data of a document; with --json also its id and version. The exit code is 1 if there is no such document.',
    )
    .argument('<collection>', 'the collection that it is in')
    .argument('<id>', 'its id')
    .action(run(get));
};

async function get(options, console, collection, id) {
  const db = openExisting(options, console);
  try {
    const document = await db.get(collection, id);
    if (document === null) {
      if (console.isJson) await console.print(null);
      console.complain(`There is no document '${id}' in the collection '${collection}'.`);
      return EXIT.found;
    }
    await print(console, document);
  } finally {
    db.close();
  }
}

async function print(console, document) {
  try {
    await console.print(document, () => printable(JSON.stringify(document.data, null, 2)));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // Another version may have written it.
    throw new Failure(
      `The document '${document.id}' is nested too deeply, or too long, for Node.js ${process.versions.node}; print it with 'kimdb dump'.`,
    );
  }
}
