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

/** Lines of JSON of all documents of a collection, in buffers of about so many bytes. */
const pagesOf = (db, collection, bytes) => engineOf(db.db).pages(collection, bytes);

const countDocuments = (db, collection) => engineOf(db.db).count(collection);

const sumOf = (collections) => collections.reduce((sum, { documents }) => sum + documents, 0);

module.exports = { countCollections, chooseCollections, pagesOf, countDocuments, sumOf };
