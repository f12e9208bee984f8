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
const { ShardHandle } = require('./shard-handle.js');

/** The engine of an instance, for SimpleDB and the monitor, and its absolute path. Not exported from the package. */
let engineOf;
let pathOf;

class HyperScaleDB extends EventEmitter {
  static {
    engineOf = (db) => db.#engine;
    pathOf = (db) => db.#options.dbPath;
  }

  #engine;
  #config;
  #options;
  #shards = new Map();
  #readCache;

  constructor(options) {
    super();
    const { config, native } = resolveOptions(options);
    this.#config = config;
    this.#options = native;
    this.#engine = new Engine(this);
    this.#readCache = readCache(this.#engine);
  }

  init() {
    if (this.#engine.isOpen) return this;
    const start = performance.now();
    const recovered = this.#engine.open(this.#options, logFunction(this.#config.logger));
    this.#config = effectiveConfig(this.#config, this.#options, this.#engine.invoke('effective'));
    for (let i = 0; i < this.#config.shardCount; i++) {
      this.#shards.set(i, new ShardHandle(this.#engine, i));
    }
    if (recovered > 0) publish('recover', this, { count: recovered });
    publish('open', this, { shardCount: this.#config.shardCount, time: performance.now() - start });
    return this;
  }

  write(collection, id, data, operation = 'upsert') {
    const engine = this.#engine;
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
    const engine = this.#engine;
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
    const engine = this.#engine;
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
    const engine = this.#engine;
    try {
      const number = engine.collection(collection);
      const key = existingId(id);
      if (this.#isSyncRead(options) && engine.invoke('bufferSize') > 0) engine.flushSync();
      const found = engine.documents.find(number, key);
      return found ?? toDocument(engine, number, key, engine.readWait(number, key));
    } catch (error) {
      throw toPublicError(error);
    }
  }

  #isSyncRead(options) {
    if (options === undefined) return this.#config.syncReads;
    return callOption(options, 'sync') || this.#config.syncReads;
  }

  async sync() {
    try {
      await this.#engine.sync();
    } catch (error) {
      throw toPublicError(error);
    }
  }

  async flush() {
    return this.#engine.flush();
  }

  flushSync() {
    this.#engine.flushSync();
  }

  getStats(options) {
    return statsOf(this.#engine, callOption(options, 'shards') ?? false);
  }

  async shardRows() {
    return this.#engine.shardRows();
  }

  toPrometheus() {
    return toPrometheus([{ path: pathOf(this), figures: figuresOf(this.#engine) }]);
  }

  getBufferSize() {
    return this.#engine.invoke('bufferSize');
  }

  getShardIndex(key) {
    return this.#engine.invoke('shardIndex', existingId(key, 'key'));
  }

  get config() {
    return this.#config;
  }

  get stats() {
    return this.getStats();
  }

  get shards() {
    return this.#shards;
  }

  get readCache() {
    return this.#readCache;
  }

  close() {
    const start = performance.now();
    const wasOpen = this.#engine.isOpen;
    let failure;
    try {
      this.#engine.close();
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
    try {
      if (this.#engine.isOpen) await this.flush();
    } finally {
      this.close();
    }
  }
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
