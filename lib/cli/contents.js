'use strict';

// The collections of an open database.

const { engineOf } = require('../hyperscale-db.js');
const { Failure } = require('./exit.js');

/** `[{ collection, documents }]`, in the order of their names. */
function countCollections(db) {
  const engine = engineOf(db.db);
  return engine.collections().map((collection) => ({ collection, documents: engine.count(collection) }));
}

/** The collections named, or all; each has to be there. */
function chooseCollections(db, names) {
  const all = engineOf(db.db).collections();
  const missing = names.find((name) => !all.includes(name));
  if (missing !== undefined) {
    const known =
      all.length === 0 ? 'there are none' : `there are ${all.map((name) => `'${name}'`).join(', ')}`;
    throw new Failure(`There is no collection '${missing}'; ${known}.`);
  }
  return names.length === 0 ? all : [...new Set(names)];
}

/**
 * Those that no program has used since kimdb 7, which go by the names of their tables: it kept no others. Once they are written
 * under these names, a program that has another one for such a table does not find what is in it.
 */
function namedByTables(db, collections) {
  const recorded = db.db.shards.get(0).prepare('SELECT name FROM _kimdb_collection').all();
  const names = new Set(recorded.map(({ name }) => name));
  return collections.filter((name) => !names.has(name));
}

/** Lines of JSON of all documents of a collection, in buffers of about so many bytes. */
const pagesOf = (db, collection, bytes) => engineOf(db.db).pages(collection, bytes);

const countDocuments = (db, collection) => engineOf(db.db).count(collection);

const sumOf = (collections) => collections.reduce((sum, { documents }) => sum + documents, 0);

module.exports = { countCollections, chooseCollections, namedByTables, pagesOf, countDocuments, sumOf };
