'use strict';

// The high-level class: everything that may wait returns a promise.
//
// `set` and `get` are the product, so they make no closure, await nothing when the engine answered
// at once, and leave what is rare to other methods.

const { bufferedResults, entryPair, readEntries, readIds } = require('./batches.js');
const { existingId, toDocument, writableId } = require('./documents.js');
const { describe, rangeError, tellCaller, toPublicError, typeError } = require('./errors.js');
const { HyperScaleDB, engineOf } = require('./hyperscale-db.js');
const { readLater } = require('./late-reads.js');
const { readMany } = require('./many-reads.js');
const { pagesOfDocuments, pagesOfIds } = require('./pages.js');
const { keep, lostReceiver } = require('./receiver.js');
const { turns } = require('./turns.js');

const DEFAULT_LIMIT = 100;
const KEPT = Symbol('SimpleDB');

class SimpleDB {
  constructor(options) {
    const db = new HyperScaleDB(options).init();
    keep(this, KEPT, { db, engine: engineOf(db), syncReads: db.config.syncReads });
  }

  get db() {
    return keptOf(this).db;
  }

  async set(collection, id, data) {
    try {
      const { engine } = keptOf(this);
      const number = engine.collection(collection);
      const key = writableId(id, engine.newId);
      const ticket = engine.writes.set(number, key, data);
      if (ticket !== undefined) return afterwards(engine, ticket, key);
      // NOTE: without an await, and with a literal, which V8 knows to be no promise.
      if (--turns.left <= 0 && turns.isOver()) return turns.later({ id: key, buffered: true });
      return { id: key, buffered: true };
    } catch (error) {
      return refused(error);
    }
  }

  // Many of these wait at the same time, so that each is to keep little alive: no async function and no closure.
  setSync(collection, id, data) {
    try {
      const { engine } = keptOf(this);
      const number = engine.collection(collection);
      const key = writableId(id, engine.newId);
      const ticket = engine.writes.set(number, key, data);
      const durable =
        ticket === undefined ? engine.durable() : engine.wait(ticket).then(() => engine.durable());
      return durable.then(itself.bind({ id: key, synced: true }));
    } catch (error) {
      return refused(error);
    }
  }

  async get(collection, id) {
    try {
      const { engine, syncReads } = keptOf(this);
      const number = engine.collection(collection);
      const key = existingId(id);
      if (syncReads) return getFlushed(engine, number, key);
      const found = engine.documents.find(number, key);
      if (found !== undefined) {
        if (--turns.left <= 0 && turns.isOver()) return turns.later(found);
        return found;
      }
      const answer = engine.read(number, key);
      if (typeof answer !== 'string' && answer !== null) return readLater(engine, number, key, answer);
      if (answer !== null) turns.weigh(answer);
      const document = toDocument(engine, number, key, answer);
      if (--turns.left <= 0 && turns.isOver()) return turns.later(document);
      return document;
    } catch (error) {
      return refused(error);
    }
  }

  async getSync(collection, id) {
    try {
      const { engine } = keptOf(this);
      return getFlushed(engine, engine.collection(collection), existingId(id));
    } catch (error) {
      return refused(error);
    }
  }

  async delete(collection, id) {
    try {
      const { engine } = keptOf(this);
      const number = engine.collection(collection);
      const key = existingId(id);
      const ticket = engine.writes.delete(number, key);
      if (ticket !== undefined) return afterwards(engine, ticket, key);
      if (--turns.left <= 0 && turns.isOver()) return turns.later({ id: key, buffered: true });
      return { id: key, buffered: true };
    } catch (error) {
      return refused(error);
    }
  }

  async getAll(collection, limit) {
    try {
      return await keptOf(this).engine.getAll(collection, checkLimit(limit ?? DEFAULT_LIMIT));
    } catch (error) {
      return refused(error);
    }
  }

  async getMany(collection, ids) {
    try {
      const { engine, syncReads } = keptOf(this);
      const number = engine.collection(collection);
      const keys = readIds(ids);
      if (syncReads && keys.length > 0 && hasBuffered(engine)) await engine.flush();
      const documents = await readMany(engine, number, keys, collection);
      return --turns.left <= 0 && turns.isOver() ? turns.later(documents) : documents;
    } catch (error) {
      return refused(error);
    }
  }

  async setMany(collection, entries) {
    try {
      const { engine } = keptOf(this);
      const number = engine.collection(collection);
      const { ids, documents, nameOf } = readEntries(entries, engine.newId, 'entries', entryPair);
      return await writeMany(engine, number, ids, pagesOfDocuments(documents, nameOf));
    } catch (error) {
      return refused(error);
    }
  }

  async deleteMany(collection, ids) {
    try {
      const { engine } = keptOf(this);
      const number = engine.collection(collection);
      const keys = readIds(ids);
      return await writeMany(engine, number, keys, pagesOfIds(keys));
    } catch (error) {
      return refused(error);
    }
  }

  async sync() {
    try {
      await keptOf(this).engine.sync();
    } catch (error) {
      return refused(error);
    }
  }

  async flush() {
    try {
      await keptOf(this).engine.flush();
    } catch (error) {
      return refused(error);
    }
  }

  flushSync() {
    keptOf(this).engine.flushSync();
  }

  stats(options) {
    return keptOf(this).db.getStats(options);
  }

  async shardRows() {
    try {
      return await keptOf(this).db.shardRows();
    } catch (error) {
      return refused(error);
    }
  }

  toPrometheus() {
    return keptOf(this).db.toPrometheus();
  }

  close() {
    keptOf(this).db.close();
  }

  on(event, listener) {
    keptOf(this).db.on(event, listener);
    return this;
  }

  once(event, listener) {
    keptOf(this).db.once(event, listener);
    return this;
  }

  off(event, listener) {
    keptOf(this).db.off(event, listener);
    return this;
  }

  addListener(event, listener) {
    keptOf(this).db.on(event, listener);
    return this;
  }

  removeListener(event, listener) {
    keptOf(this).db.off(event, listener);
    return this;
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.close();
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    const { engine } = keptOf(this);
    try {
      if (engine.isOpen) await this.flush();
    } finally {
      this.close();
    }
  }
}

function keptOf(db) {
  const kept = db?.[KEPT];
  if (kept === undefined) throw lostReceiver('database');
  return kept();
}

async function afterwards(engine, ticket, id) {
  try {
    await engine.wait(ticket);
  } catch (error) {
    tellCaller(error, afterwards);
    throw error;
  }
  return { id, buffered: true };
}

async function writeMany(engine, number, ids, pages) {
  const ticket = ids.length > 0 ? engine.writes.many(number, ids, pages) : undefined;
  if (ticket !== undefined) await engine.wait(ticket);
  turns.left -= ids.length + 1;
  const results = bufferedResults(ids);
  return turns.left <= 0 && turns.isOver() ? turns.later(results) : results;
}

async function getFlushed(engine, number, id) {
  try {
    if (hasBuffered(engine)) await engine.flush();
    const answer = engine.read(number, id);
    if (typeof answer !== 'string' && answer !== null) return await readLater(engine, number, id, answer);
    if (answer !== null) turns.weigh(answer);
    const document = toDocument(engine, number, id, answer);
    if (--turns.left <= 0 && turns.isOver()) return turns.later(document);
    return document;
  } catch (error) {
    tellCaller(error, getFlushed);
    throw toPublicError(error);
  }
}

/** Whether a flush has something to do. One that has nothing goes to another thread and back all the same. */
const hasBuffered = (engine) => engine.invoke('bufferSize') > 0;

/** The rejection of a call, which may be one of many too. */
async function refused(error) {
  tellCaller(error, refused);
  if (--turns.left <= 0 && turns.isOver()) await turns.later();
  throw toPublicError(error);
}

/** Answers what it is bound to. */
function itself() {
  return this;
}

function checkLimit(limit) {
  const sentence = () => `limit must be an integer from 0 or Infinity, got ${describe(limit)}`;
  if (typeof limit !== 'number') throw typeError('KIMDB_INVALID_LIMIT', sentence());
  const isCount = limit === Number.POSITIVE_INFINITY || Number.isSafeInteger(limit);
  if (!isCount || limit < 0) throw rangeError('KIMDB_INVALID_LIMIT', sentence());
  return limit;
}

module.exports = { SimpleDB };
