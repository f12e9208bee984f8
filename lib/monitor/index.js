'use strict';

// `kimdb/monitor`: a page that shows how a database is doing, and its figures for programs.

require('../node-version.js');

const { describe, rangeError, typeError } = require('../errors.js');
const { HyperScaleDB, engineOf, pathOf } = require('../hyperscale-db.js');
const { checkObject } = require('../options.js');
const prometheus = require('../prometheus.js');
const { SimpleDB } = require('../simple-db.js');
const { makeHandler } = require('./handler.js');
const { Subject } = require('./subject.js');

const CLASSES = [SimpleDB.name, HyperScaleDB.name];

/** A request handler that shows a database. */
function monitor(db, options) {
  return makeHandler(subjectOf(db), checkPath(checkObject(options, ['path']).path));
}

/** The figures of several databases as one text. */
function toPrometheus(...databases) {
  return prometheus.toPrometheus(databases.map((db) => subjectOf(db).forPrometheus()));
}

function subjectOf(db) {
  const low = db instanceof SimpleDB ? db.db : db;
  if (low instanceof HyperScaleDB) return new Subject(engineOf(low), pathOf(low));
  const got = CLASSES.includes(db?.constructor?.name)
    ? 'one of another copy of kimdb; import both from the same one'
    : describe(db);
  throw typeError('KIMDB_INVALID_OPTION', `db must be a SimpleDB or a HyperScaleDB, got ${got}`);
}

/** What stands before the names of the monitor's own pages, if not what the server says. */
function checkPath(given) {
  if (given === undefined || given === null || given === '') return undefined;
  const sentence = () =>
    `option 'path' must be '/', or begin with / and not end with it, without ? and #, got ${describe(given)}`;
  if (typeof given !== 'string') throw typeError('KIMDB_INVALID_OPTION', sentence());
  if (!/^\/(?:[^?#]*[^/?#])?$/.test(given)) throw rangeError('KIMDB_INVALID_OPTION', sentence());
  // As a browser asks for it: '/상태' and '/my app' come with percent signs.
  const { pathname } = new URL(`http://localhost${given}`);
  return pathname.replace(/\/$/, '');
}

module.exports = { monitor, toPrometheus };
