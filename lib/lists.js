'use strict';

// Long lists of documents: their texts are made into values one after the other, and the event loop turns in between.

// NOTE: of the module, because those who test with a clock of their own mostly change the global ones only.
const { setImmediate: nextTurn } = require('node:timers/promises');
const { parse } = require('./documents.js');

/** The documents whose texts `source` has under a ticket once `done` is. */
async function takeList(source, ticket, done, collection) {
  // NOTE: a list of ours. Where modules have a realm of their own, as in Jest, that of the addon is of another.
  const documents = [];
  try {
    await done;
    for (let text = source.nextText(ticket); text !== null; text = source.nextText(ticket)) {
      // A text of a megabyte takes some milliseconds.
      if (documents.length > 0) await nextTurn();
      for (const document of parse(text, { collection })) documents.push(document);
    }
  } finally {
    source.endTexts(ticket);
  }
  return documents;
}

module.exports = { takeList };
