'use strict';

// The low-level class: calls return at once or block, and the engine's events are emitted.

const { EventEmitter } = require('node:events');
const { bufferedResults, documentPair, readEntries } = require('./batches.js');
const { publish } = require('./channels.js');
const { existingId, serialise, toDocument, writableId } = require('./documents.js');
const { Engine } = require('./engine.js');
const { describe, toPublicError, typeError } = require('./errors.js');
const { figuresOf, statsOf } = require('./figures.js');
const { callOption, effectiveConfig, resolveOptions } = require('./options.js');
const { pagesOfDocuments } = require('./pages.js');
const { toPrometheus } = require('./prometheus.js');
const { keep, lostReceiver } = require('./receiver.js');
const { ShardHandle } = require('./shard-handle.js');

const KEPT = Symbol('HyperScaleDB');

class HyperScaleDB extends EventEmitter {
  constructor(options) {
    super();
    const { config, native } = resolveOptions(options);
    const engine = new Engine(this);
    keep(this, KEPT, { engine, config, options: native, shards: new Map(), readCache: readCache(engine) });
  }

  init() {
    const kept = keptOf(this);
    const { engine, options, shards } = kept;
    if (engine.isOpen) return this;
    const start = performance.now();
    const recovered = engine.open(options, logFunction(kept.config.logger));
    kept.config = effectiveConfig(kept.config, options, engine.invoke('effective'));
    const { shardCount } = kept.config;
    for (let i = 0; i < shardCount; i++) shards.set(i, new ShardHandle(engine, i));
    if (recovered > 0) publish('recover', this, { count: recovered });
    publish('open', this, { shardCount, time: performance.now() - start });
    return this;
  }

  write(collection, id, data, operation = 'upsert') {
    const { engine } = keptOf(this);
    try {
      if (operation === 'upsert') {
        const number = engine.collection(collection);
        const key = writableId(id, engine.newId);
        engine.writes.setWait(number, key, data);
        return { id: key, buffered: true };
      }
      if (operation === 'delete') {
        const key = existingId(id);
        engine.writes.deleteWait(engine.collection(collection), key);
        return { id: key, buffered: true };
      }
    } catch (error) {
      throw toPublicError(error);
    }
    throw typeError(
      'KIMDB_INVALID_OPERATION',
      `operation must be 'upsert' or 'delete', got ${describe(operation)}`,
    );
  }

  writeSync(collection, id, data) {
    const { engine } = keptOf(this);
    try {
      const number = engine.collection(collection);
      const key = writableId(id, engine.newId);
      const json = serialise(data);
      engine.writes.setSyncWait(number, key, json);
      return { id: key, synced: true };
    } catch (error) {
      throw toPublicError(error);
    }
  }

  writeBatch(collection, docs) {
    const { engine } = keptOf(this);
    try {
      const number = engine.collection(collection);
      const { ids, documents, nameOf } = readEntries(docs, engine.newId, 'docs', documentPair);
      if (ids.length > 0) engine.writes.manyWait(number, ids, pagesOfDocuments(documents, nameOf));
      return bufferedResults(ids);
    } catch (error) {
      throw toPublicError(error);
    }
  }

  read(collection, id, options) {
    const { engine, config } = keptOf(this);
    try {
      const number = engine.collection(collection);
      const key = existingId(id);
      if (isSyncRead(config, options) && engine.invoke('bufferSize') > 0) engine.flushSync();
      const found = engine.documents.find(number, key);
      return found ?? toDocument(engine, number, key, engine.readWait(number, key));
    } catch (error) {
      throw toPublicError(error);
    }
  }

  async sync() {
    try {
      await keptOf(this).engine.sync();
    } catch (error) {
      throw toPublicError(error);
    }
  }

  async flush() {
    return keptOf(this).engine.flush();
  }

  flushSync() {
    keptOf(this).engine.flushSync();
  }

  getStats(options) {
    return statsOf(keptOf(this).engine, callOption(options, 'shards') ?? false);
  }

  async shardRows() {
    return keptOf(this).engine.shardRows();
  }

  toPrometheus() {
    return toPrometheus([{ path: pathOf(this), figures: figuresOf(keptOf(this).engine) }]);
  }

  getBufferSize() {
    return keptOf(this).engine.invoke('bufferSize');
  }

  getShardIndex(key) {
    return keptOf(this).engine.invoke('shardIndex', existingId(key, 'key'));
  }

  get config() {
    return keptOf(this).config;
  }

  get stats() {
    return statsOf(keptOf(this).engine, false);
  }

  get shards() {
    return keptOf(this).shards;
  }

  get readCache() {
    return keptOf(this).readCache;
  }

  close() {
    const start = performance.now();
    const wasOpen = keptOf(this).engine.isOpen;
    let failure;
    try {
      keptOf(this).engine.close();
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      if (wasOpen) publish('close', this, { time: performance.now() - start, error: failure ?? null });
    }
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

/** The engine of an instance, for SimpleDB and the monitor, and its absolute path. Not exported from the package. */
const engineOf = (db) => keptOf(db).engine;
const pathOf = (db) => keptOf(db).options.dbPath;

function isSyncRead({ syncReads }, options) {
  if (options === undefined) return syncReads;
  return callOption(options, 'sync') || syncReads;
}

/** What published code uses of the original's cache. */
function readCache(engine) {
  return Object.freeze({
    clear() {
      engine.clearCache();
    },
    get size() {
      return engine.invoke('stats').cacheSize;
    },
  });
}

function logFunction(logger) {
  if (logger === false) return () => {};
  return logger ?? ((line) => console.log(line));
}

module.exports = { HyperScaleDB, engineOf, pathOf };
