// Does a program of calls on a database of either library and says what each step gave, as model.mjs does.

import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { manualFlush, sleep } from '../../__test__/helpers/database.mjs';
import { sorted, touch } from './model.mjs';

const DOCUMENTED = [
  'bufferedWrites',
  'flushedWrites',
  'bufferSize',
  'cacheHits',
  'cacheMisses',
  'walWrites',
  'recoveredWrites',
  'shardCount',
  'safeMode',
  'cacheSize',
];

/**
 * `library` is the exports of one of the two. `expected`: how many flushes each step tells about; those of this kimdb
 * arrive a moment later.
 */
export async function perform(library, folder, settings, steps, expected) {
  const program = new Program(library, folder, settings);
  try {
    const results = [];
    for (const [i, step] of steps.entries()) results.push(await program.perform(step, expected[i]));
    return results;
  } finally {
    program.close();
  }
}

class Program {
  #library;
  #settings;
  #folder;
  #folders;
  #db;
  #told = [];
  #errors = 0;

  constructor(library, folder, settings) {
    this.#library = library;
    this.#settings = settings;
    this.#folders = folder;
    this.#folder = join(folder, '0');
    this.#open();
  }

  async perform(step, expected) {
    [this.#told, this.#errors] = [[], 0];
    let value;
    try {
      value = structuredClone(await this[step.call](step));
    } catch {
      value = 'an error';
    }
    for (let turns = 0; turns < 200 && this.#told.length < expected; turns++) await sleep(5);
    return { value, flushes: [...this.#told], errors: this.#errors };
  }

  close() {
    this.#db.close();
  }

  async set({ how, collection, id, data, change }) {
    const result =
      how === 'write' ? this.#db.db.write(collection, id, data) : this.#db.set(collection, id, data);
    if (change) data.changed = true;
    return await result;
  }

  delete({ how, collection, id }) {
    return how === 'write'
      ? this.#db.db.write(collection, id, null, 'delete')
      : this.#db.delete(collection, id);
  }

  setSync({ how, collection, id, data }) {
    return how === 'write'
      ? this.#db.db.writeSync(collection, id, data)
      : this.#db.setSync(collection, id, data);
  }

  async get({ how, collection, id, change }) {
    const found = how === 'write' ? this.#db.db.read(collection, id) : await this.#db.get(collection, id);
    const value = structuredClone(found);
    if (change) touch(found);
    return value;
  }

  getSync({ how, collection, id }) {
    return how === 'write'
      ? this.#db.db.read(collection, id, { sync: true })
      : this.#db.getSync(collection, id);
  }

  async getAll({ collection, limit }) {
    const documents = await this.#db.getAll(collection, limit);
    return limit < 100 ? documents.length : sorted(documents);
  }

  async flush() {
    const flushing = this.#db.db.flush();
    const value = this.#told.length > 0 ? 'over at once' : 'later';
    await flushing;
    return value;
  }

  flushSync() {
    this.#db.db.flushSync();
  }

  clearCache() {
    this.#db.db.readCache.clear();
  }

  bufferSize() {
    return this.#db.db.getBufferSize();
  }

  shardIndex({ id }) {
    return this.#db.db.getShardIndex(id);
  }

  stats() {
    const stats = this.#db.stats();
    const { cacheHits, cacheMisses, cacheSize, ...rest } = Object.fromEntries(
      DOCUMENTED.map((name) => [name, stats[name]]),
    );
    const isBounded = stats.cacheBytes <= this.#db.db.config.cacheBytes;
    return {
      ...rest,
      reads: cacheHits + cacheMisses,
      cache: isBounded ? 'bounded' : { hits: cacheHits, size: cacheSize },
      hasMore: Object.keys(stats).length > DOCUMENTED.length,
    };
  }

  reopen({ shardCount = this.#settings.shardCount }) {
    this.#db.close();
    this.#settings = { ...this.#settings, shardCount };
    return this.#open();
  }

  /** The files as a killed process leaves them are a copy of what they are now. */
  crash() {
    const before = this.#db;
    const copy = join(this.#folders, String(readdirSync(this.#folders).length));
    cpSync(this.#folder, copy, { recursive: true });
    before.db.removeAllListeners();
    before.db.on('error', () => {});
    before.close();
    this.#folder = copy;
    return this.#open();
  }

  intrude() {
    if (!this.#settings.safeMode) return 'opened';
    const { walPath } = this.#options();
    const other = new this.#library.HyperScaleDB({
      ...manualFlush,
      dbPath: join(this.#folder, 'other.db'),
      walPath,
    });
    other.on('error', () => {});
    try {
      other.init();
    } catch {
      return 'refused';
    }
    other.close();
    return 'opened';
  }

  files() {
    return readdirSync(this.#folder).filter((name) => /^test(_shard\d+\.db)?$/.test(name)).length;
  }

  #options() {
    const { shardCount, batchSize, safeMode, syncReads, isPlainPath, isLogFolderMissing } = this.#settings;
    return {
      ...manualFlush,
      dbPath: join(this.#folder, isPlainPath ? 'test' : 'test.db'),
      walPath: join(this.#folder, isLogFolderMissing ? 'missing' : '.', 'buffer.wal'),
      shardCount,
      batchSize,
      safeMode,
      syncReads,
      ...this.#library.options,
    };
  }

  #open() {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    this.#db = new this.#library.SimpleDB(this.#options());
    const added = timers() - before;
    this.#library.prepare?.(this.#db);
    this.#db.db.on('flush', ({ count }) => this.#told.push(count));
    this.#db.db.on('error', () => this.#errors++);
    return added > 0 ? 'holds the process' : 'lets it end';
  }
}
