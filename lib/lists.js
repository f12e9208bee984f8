'use strict';

// Long lists of documents: their texts are made into values one after the other, and the event loop turns in between.

const { corrupt, parseList } = require('./documents.js');
const { ownTurn } = require('./immediates.js');

/** Members of a text for each document: id, document, version. */
const MEMBERS = 3;

/** The documents whose texts `source` has under a ticket once `done` is. */
async function takeList(source, ticket, done, collection) {
  // NOTE: a list of ours. Where modules have a realm of their own, as in Jest, that of the addon is of another.
  const documents = [];
  try {
    await done;
    for (let text = source.nextText(ticket); text !== null; text = source.nextText(ticket)) {
      // A text takes about a millisecond.
      if (documents.length > 0) await ownTurn();
      unfold(text, documents, collection);
    }
  } finally {
    source.endTexts(ticket);
  }
  return documents;
}

/** Appends the documents of a text. Its last member tells how many they are. */
function unfold(text, documents, collection) {
  const flat = parseList(text, collection);
  const count = flat.pop();
  // A document that is not one value, such as `1,2`.
  if (flat.length !== MEMBERS * count) throw corrupt({ collection });
  for (let i = 0; i < flat.length; i += MEMBERS) {
    const id = flat[i];
    const version = flat[i + 2];
    if (typeof id !== 'string' || typeof version !== 'number') throw corrupt({ collection });
    documents.push({ id, data: flat[i + 1], _version: version });
  }
}

module.exports = { takeList };
