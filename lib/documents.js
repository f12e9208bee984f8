'use strict';

// What goes in and comes out: names, ids and JSON. The common case of each check is one comparison
// or two, because `set` and `get` run them on every call.

const { BUFFERED, VERSION } = require('./document-cache.js');
const { KimDBError, describe, rangeError, typeError } = require('./errors.js');
const { explainFault, noJsonForm } = require('./json-fault.js');

const UPSERT = 0;
const DELETE = 1;
const MAX_COLLECTION_BYTES = 65535;

/** The text of the id of a document that is read or deleted. `where` names the argument. */
function existingId(id, where = 'id') {
  if (typeof id === 'string' && id !== '' && id.isWellFormed()) return id;
  if (typeof id === 'number' && Number.isFinite(id)) return String(id);
  throw wrongId(id, where);
}

/** The same for a write, where null, undefined and '' ask for a new id. */
function writableId(id, newId, where = 'id') {
  if (typeof id === 'string' && id !== '' && id.isWellFormed()) return id;
  if (id === undefined || id === null || id === '') return newId();
  return existingId(id, where);
}

function wrongId(id, where) {
  const got =
    typeof id === 'string' && id !== '' ? `${describe(id)}, which has half a surrogate pair` : describe(id);
  return typeError('KIMDB_INVALID_ID', `${where} must be a non-empty string or a finite number, got ${got}`);
}

function checkCollection(name) {
  const code = 'KIMDB_INVALID_COLLECTION';
  if (typeof name !== 'string' || name === '') {
    throw typeError(code, `collection must be a non-empty string, got ${describe(name)}`);
  }
  if (!name.isWellFormed()) {
    throw typeError(
      code,
      `collection must be well-formed text, got ${describe(name)}, which has half a surrogate pair`,
    );
  }
  // A UTF-16 unit takes at most three bytes: the length answers for all but absurd names.
  if (name.length * 3 > MAX_COLLECTION_BYTES && Buffer.byteLength(name) > MAX_COLLECTION_BYTES) {
    throw rangeError(
      code,
      `collection must be at most ${MAX_COLLECTION_BYTES} bytes long, got ${Buffer.byteLength(name)}`,
    );
  }
}

/** The JSON text of a document. `where` names it in errors. */
function serialise(data, where = 'data') {
  let json;
  try {
    json = JSON.stringify(data);
  } catch (error) {
    throw explainFault(data, where, error);
  }
  if (json === undefined) throw noJsonForm(data, where);
  return json;
}

/** The texts as one JSON array, also where somebody has given arrays a toJSON(). */
function jsonArray(texts) {
  if (texts.toJSON !== undefined) Object.defineProperty(texts, 'toJSON', { value: undefined });
  return JSON.stringify(texts);
}

/**
 * A fresh document object from what a read left: its JSON text, or null where there is none, and
 * version and state in registers.
 */
function toDocument(engine, number, id, text) {
  if (text === null) return null;
  const data = parseDocument(engine, number, id, text);
  const registers = engine.registers;
  return registers[BUFFERED] === 0
    ? { id, data: engine.documents.offer(number, id, text, data), _version: registers[VERSION] }
    : { id, data, _version: registers[VERSION], _buffered: true };
}

/** What we stored always parses; what another program wrote into a shard may not. */
function parseDocument(engine, number, id, text) {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw corrupt({ id, collection: engine.nameOf(number), ...placeOf(engine, id) }, cause);
  }
}

/** The shard of a document, and its file. A read may be answered once the database is closed, and nobody knows then. */
function placeOf(engine, id) {
  if (!engine.isOpen) return {};
  const shard = engine.invoke('shardIndex', id);
  return { shard, path: engine.invoke('shardPath', shard) };
}

/** The same for the list of a collection that a read of many documents gives. */
function parseList(text, collection) {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw corrupt({ collection }, cause);
  }
}

function corrupt({ path, collection, id, shard }, cause) {
  const what = id === undefined ? 'a document' : `document ${describe(id)}`;
  const file = path === undefined ? 'its shard file' : `the shard file '${path}'`;
  return new KimDBError(
    `${what} of the collection ${describe(collection)} is not valid JSON in ${file}; correct or delete its row, which 'npx kimdb verify' names`,
    { path, collection, id, shard, code: 'KIMDB_CORRUPT', cause },
  );
}

module.exports = {
  UPSERT,
  DELETE,
  existingId,
  writableId,
  checkCollection,
  serialise,
  jsonArray,
  toDocument,
  parseDocument,
  parseList,
  corrupt,
};
