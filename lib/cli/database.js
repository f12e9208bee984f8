'use strict';

// Opening the database that the options name, with the log that it had last.

const fs = require('node:fs');
const path = require('node:path');
const native = require('../native.js');
const { toPublicError } = require('../errors.js');
const { resolveOptions } = require('../options.js');
const { SimpleDB } = require('../simple-db.js');
const { Failure } = require('./exit.js');

const MIB = 1024 * 1024;
/** How a line of kimdb 7's log begins. */
const OLD_LINE = '{"collection":';

/**
 * What is there of the database: `{ dbPath, walPath, shards, isFormer, walSize }`, paths as a program would give them.
 * `isFormer`: in files that kimdb 7 named in its own way.
 */
function locate({ db, wal }) {
  const { dbPath, walPath, former } = resolveOptions({ dbPath: db, walPath: wal }).native;
  let found;
  try {
    found = native.Files.locate(dbPath, former);
  } catch (error) {
    throw toPublicError(error);
  }
  const { shards, isFormer } = found;
  const log = chooseLog({ db, wal: wal === undefined ? undefined : walPath, dbPath, log: found.log, shards });
  const isKnown = found.logSize >= MIB && log === found.log;
  return { dbPath, walPath: log, shards, isFormer, walSize: isKnown ? found.logSize : undefined };
}

/**
 * A program has its log at a place of its own, which its shards remember. Where they do not, the log of a database that
 * was named lies beside it, so that nothing is made or taken in the folder in which the command happens to run.
 */
function chooseLog({ db, wal, dbPath, log, shards }) {
  if (wal !== undefined) return wal;
  if (log !== undefined && log !== null) return log;
  if (db === undefined) return undefined;
  if (shards > 0) refuseToGuess(dbPath);
  return `${dbPath.replace(/\.db$/, '')}.wal`;
}

/** Writes that kimdb 7 left would be passed over, and undo later ones when a program finds them. */
function refuseToGuess(dbPath) {
  const usual = resolveOptions({}).native.walPath;
  const places = [path.join(path.dirname(dbPath), path.basename(usual)), usual];
  const left = places.find((place) => fs.existsSync(place) && startOf(place) === OLD_LINE);
  if (left === undefined) return;
  throw new Failure(
    `kimdb 7 left writes in '${shown(left)}', and nothing tells whether they belong to '${shown(dbPath)}'; name its log with --wal, that one or another.`,
  );
}

function startOf(file) {
  const start = Buffer.alloc(OLD_LINE.length);
  const handle = fs.openSync(file, 'r');
  try {
    return start.toString('utf8', 0, fs.readSync(handle, start));
  } finally {
    fs.closeSync(handle);
  }
}

/** As `locate`, for a database that has to be there. */
function locateExisting(options) {
  const found = locate(options);
  if (found.shards === 0) {
    const advice =
      options.db === undefined ? 'name it with --db, as dbPath in your program' : 'check the path after --db';
    throw new Failure(`There is no database '${shown(found.dbPath)}'; ${advice}.`);
  }
  return found;
}

/** Opens a database that is there. */
function openExisting(options, console) {
  return open(locateExisting(options), console);
}

/** Opens a database, or makes it. */
function openOrMake(options, console) {
  const found = locate(options);
  const db = open(found, console);
  if (found.shards === 0) console.say(`Made the database '${shown(found.dbPath)}'.`);
  return db;
}

function open({ dbPath, walPath, walSize }, console, more = {}) {
  const options = { dbPath, walPath, walSize, exclusive: true, logger: (line) => console.say(line) };
  const db = new SimpleDB({ ...options, ...more });
  db.on('error', (error) => console.complain(error.message));
  return db;
}

/** A path as people name it: relative where that is shorter. */
function shown(file) {
  const relative = path.relative('', file);
  return relative.length < file.length ? relative : file;
}

module.exports = { locateExisting, open, openExisting, openOrMake, shown };
