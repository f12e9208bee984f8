'use strict';

// kimdb set: stores one document.

const { checkCollection } = require('../../documents.js');
const { openOrMake } = require('../database.js');
const { Failure } = require('../exit.js');
const { decode, openInput, readAll } = require('../input.js');
const { parseJson } = require('../lines.js');

module.exports = (program, run) => {
  program
    .command('set')
    .summary('store a document')
    .description(
      "Store a document, in place of the one that was there. It is on the disk when the command ends. The database is made if it does not exist. An empty id ('') asks for a new one; --json prints it.",
    )
    .argument('<collection>', 'the collection to store it in')
    .argument('<id>', 'its id')
    .argument('<json>', "its data as JSON, or '-' to read that from the standard input")
    .addHelpText(
      'after',
      `
Examples:
  kimdb set users u001 '{"name":"Kim","age":30}'
  kimdb set users u001 - < user.json
  kimdb set numbers minus -1`,
    )
    .action(run(set));
};

async function set(options, console, collection, id, json) {
  // Before a database is made for it.
  checkCollection(collection);
  const data = parse(json === '-' ? await readInput() : json);
  const db = openOrMake(options, console);
  try {
    const stored = await db.setSync(collection, id, data);
    const { _version } = await db.get(collection, stored.id);
    if (console.isJson) await console.print({ collection, id: stored.id, _version });
    else console.say(`Stored '${stored.id}' in '${collection}', version ${_version}.`);
  } finally {
    db.close();
  }
}

async function readInput() {
  const bytes = await readAll(openInput('-').stream);
  try {
    return decode(bytes);
  } catch (error) {
    throw new Failure(`The standard input is not a document: ${error.message}.`);
  }
}

function parse(json) {
  try {
    return parseJson(json);
  } catch (error) {
    if (error instanceof RangeError) throw new Failure(`The document is not stored: ${error.message}.`);
    throw new Failure(
      `The document is not valid JSON: ${error.message}. A text needs quotes that the shell leaves alone, as in '"text"'.`,
    );
  }
}
