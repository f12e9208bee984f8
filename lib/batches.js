'use strict';

// Arguments of the batch calls. A batch is checked from end to end before any of it is written.

const { existingId, writableId } = require('./documents.js');
const { describe, isOurs, messageOf, typeError } = require('./errors.js');

const CODE = 'KIMDB_INVALID_ENTRIES';
const PAIR = 'a pair [id, data] or an object { id, data }';

/** The members of any iterable but a string. */
function listOf(iterable, where, members) {
  try {
    if (Array.isArray(iterable)) return iterable;
    if (typeof iterable === 'object' && typeof iterable?.[Symbol.iterator] === 'function') {
      return Array.from(iterable);
    }
  } catch (cause) {
    throw unreadable(where, cause);
  }
  throw typeError(
    CODE,
    `${where} must be an array or another iterable of ${members}, got ${describe(iterable)}`,
  );
}

const unreadable = (where, cause) =>
  typeError(CODE, `${where} could not be read: ${messageOf(cause)}`, cause);

/** `{ ids, documents, nameOf }` of documents to write; `nameOf` names the document at a place in errors. */
function readEntries(entries, newId, where, toPair) {
  const list = listOf(entries, where, toPair.accepts);
  const ids = [];
  const documents = [];
  // They become texts only where an error needs one: to make a text for each entry would take as long as all the rest.
  let i = 0;
  // NOTE: methods. What traces the files of a program for its deployment (@vercel/nft) runs arrows without parameters, and fails at these.
  const entry = {
    toString() {
      return `${where}[${i}]`;
    },
  };
  const itsId = {
    toString() {
      return `the id of ${entry}`;
    },
  };
  try {
    for (; i < list.length; i++) {
      const pair = toPair(list[i], entry);
      ids.push(writableId(pair[0], newId, itsId));
      documents.push(pair[1]);
    }
    return { ids, documents, nameOf: (place) => `${where}[${place}].data` };
  } catch (error) {
    // Something in the entry itself threw when it was read, such as a getter.
    if (!isOurs(error)) throw unreadable(entry, error);
    throw error;
  }
}

/** An entry of setMany. */
function entryPair(entry, where) {
  if (Array.isArray(entry) && entry.length === 2) return entry;
  if (typeof entry === 'object' && entry !== null && !Array.isArray(entry) && 'data' in entry) {
    return [entry.id, entry.data];
  }
  throw typeError(CODE, `${where} must be ${PAIR}, got ${describe(entry)}`);
}
entryPair.accepts = `pairs [id, data] or objects { id, data }`;

/** An entry of writeBatch, which may also be the document itself with an `id` among its fields. */
function documentPair(entry, where) {
  if (Array.isArray(entry) && entry.length === 2) return entry;
  if (typeof entry === 'object' && entry !== null && !Array.isArray(entry)) {
    return [entry.id, entry.data !== undefined ? entry.data : entry];
  }
  throw typeError(CODE, `${where} must be ${PAIR}, or a document with an id, got ${describe(entry)}`);
}
documentPair.accepts = `documents { id, data }`;

/** The ids of getMany and deleteMany. */
function readIds(ids) {
  const list = listOf(ids, 'ids', 'ids');
  try {
    return Array.from(list, (id, i) => existingId(id, `ids[${i}]`));
  } catch (error) {
    if (!isOurs(error)) throw unreadable('ids', error);
    throw error;
  }
}

const bufferedResults = (ids) => ids.map((id) => ({ id, buffered: true }));

module.exports = { readEntries, entryPair, documentPair, readIds, bufferedResults };
