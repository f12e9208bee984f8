// What a program of calls returns: with no rule what this kimdb does, with all of them what kimdb 7 does. Under options
// where nothing is flushed unless the program asks for it, so that there is one answer.

import { createHash } from 'node:crypto';
import { storedId } from '../helpers/old-files.mjs';

/** Names that kimdb 7 cannot store: nothing is left of them, they start with a digit, or they are words of SQL. */
const UNSTORABLE = ['', '1st', 'order'];
const strip = (name) => name.replace(/[^a-zA-Z0-9_]/g, '');
const shardOf = (id, count) => createHash('md5').update(String(id)).digest().readUInt32BE(0) % count;

export class Model {
  #has;
  #settings;
  #shardCount;
  #fileCount;
  #log = [];
  /** By the number of the file: a Map of tables, each a Map of rows `{ id, text, version }`. */
  #files = new Map();
  #buffer;
  #cache;
  #reads;
  #hits;
  #stats;
  #told = [];
  #errors = 0;

  constructor(settings, rules) {
    const on = new Set(rules);
    this.#has = (rule) => on.has(rule);
    this.#settings = settings;
    this.#shardCount = settings.shardCount;
    this.#fileCount = settings.shardCount;
    this.#open();
  }

  /** What each step gives: `{ value, flushes, errors }`. */
  perform(steps) {
    return steps.map((step) => {
      this.#told = [];
      this.#errors = 0;
      let value;
      try {
        value = this[step.call](step);
      } catch {
        value = 'an error';
      }
      return { value: structuredClone(value), flushes: this.#told, errors: this.#errors };
    });
  }

  // Calls

  set({ collection, id, data, change }) {
    const given = this.#id(id);
    this.#write(collection, given, data, 'upsert');
    if (change) data.changed = true;
    return { id: given, buffered: true };
  }

  delete({ collection, id }) {
    const given = this.#id(id);
    this.#write(collection, given, null, 'delete');
    return { id: given, buffered: true };
  }

  setSync({ collection, id, data }) {
    const given = this.#id(id);
    if (!this.#has('sync-past-buffer')) {
      this.#write(collection, given, data, 'upsert');
      // Only in the files is it safe then.
      if (!this.#settings.safeMode) this.flushSync();
    } else {
      if (this.#isUnstorable(collection)) throw new Error('a table of that name cannot be made');
      this.#store(collection, { id: given, data, operation: 'upsert' });
      this.#remember(collection, given, this.#kept(data), '_synced');
    }
    return { id: given, synced: true };
  }

  get({ collection, id, change, sync = false }) {
    const found = this.#read(collection, this.#id(id), sync || this.#settings.syncReads);
    const value = structuredClone(found);
    if (change) touch(this.#has('same-object') ? found : undefined);
    return value;
  }

  getSync(step) {
    return this.get({ ...step, sync: true });
  }

  getAll({ collection, limit }) {
    this.flushSync();
    const rows = [];
    const part = this.#has('split-limit') ? Math.ceil(limit / this.#shardCount) : limit;
    for (let i = 0; i < this.#shardCount; i++) {
      if (!this.#isUnstorable(collection))
        rows.push(...[...this.#table(i, collection).values()].slice(0, part));
    }
    // Which ones they are is left to SQLite where not all fit, because they are of the same second.
    if (limit < 100) return Math.min(limit, rows.length);
    return sorted(rows.map(documentOf));
  }

  flush() {
    this.#flush();
    return this.#has('flush-blocks') && this.#told.length > 0 ? 'over at once' : 'later';
  }

  flushSync() {
    while (this.bufferSize() > 0 && this.#flush());
  }

  clearCache() {
    this.#cache.clear();
  }

  bufferSize() {
    let size = 0;
    for (const items of this.#buffer.values()) size += items.length;
    return size;
  }

  shardIndex({ id }) {
    return shardOf(id, this.#shardCount);
  }

  stats() {
    return {
      ...this.#stats,
      bufferSize: this.bufferSize(),
      shardCount: this.#shardCount,
      safeMode: this.#settings.safeMode,
      reads: this.#reads,
      // What a bounded cache holds at a time is its own affair.
      cache: this.#has('unbounded-cache') ? { hits: this.#hits, size: this.#cache.size } : 'bounded',
      hasMore: !this.#has('fewer-fields'),
    };
  }

  reopen({ shardCount = this.#shardCount }) {
    this.flushSync();
    this.#recount(shardCount);
    return this.#open();
  }

  /** The process is killed and started again. */
  crash() {
    return this.#open();
  }

  /** Another database is opened on the same log. */
  intrude() {
    if (!this.#settings.safeMode) return 'opened';
    if (!this.#has('shared-log')) return 'refused';
    this.#log = [];
    return 'opened';
  }

  files() {
    return this.#isOneFile() ? 1 : this.#fileCount;
  }

  // What they do

  #open() {
    this.#buffer = new Map();
    this.#cache = new Map();
    [this.#reads, this.#hits] = [0, 0];
    const counted = ['bufferedWrites', 'flushedWrites', 'walWrites', 'recoveredWrites'];
    this.#stats = Object.fromEntries(counted.map((name) => [name, 0]));
    if (this.#settings.safeMode) {
      this.#stats.recoveredWrites = this.#log.length;
      for (const { collection, text, ...item } of this.#log) {
        const read = { ...item, data: JSON.parse(text) };
        if (this.#has('recovered-in-memory')) this.#items(collection).push(read);
        else this.#store(collection, read);
      }
      this.#log = [];
    }
    return this.#has('holds-process') ? 'holds the process' : 'lets it end';
  }

  #recount(shardCount) {
    this.#shardCount = shardCount;
    this.#fileCount = this.#has('hidden-by-count') ? Math.max(this.#fileCount, shardCount) : shardCount;
    if (this.#has('hidden-by-count')) return;
    const before = [...this.#files.values()];
    this.#files = new Map();
    for (const tables of before) {
      for (const [name, rows] of tables) {
        for (const [id, row] of rows) this.#table(shardOf(id, shardCount), name).set(id, row);
      }
    }
  }

  #write(collection, id, data, operation) {
    if (this.#settings.safeMode && !this.#isWithoutLog()) {
      this.#log.push({ collection, id, text: JSON.stringify(data), operation });
      this.#stats.walWrites++;
    }
    const item = { id, data: this.#kept(data), operation };
    this.#items(collection).push(item);
    this.#stats.bufferedWrites++;
    this.#remember(collection, id, item.data, '_buffered', operation);
  }

  /** One flush. False: another one would do no more. */
  #flush() {
    let count = 0;
    for (const [collection, items] of this.#buffer) {
      if (items.length === 0) continue;
      const batch = items.splice(0, this.#has('flush-in-parts') ? this.#settings.batchSize : items.length);
      if (this.#isUnstorable(collection)) {
        if (!this.#has('dropped-batch')) items.unshift(...batch);
        this.#errors++;
        return this.#has('dropped-batch');
      }
      for (const item of batch) this.#store(collection, item);
      count += batch.length;
    }
    if (count === 0) return false;
    this.#stats.flushedWrites += count;
    // The empty log cannot be written either.
    if (this.#settings.safeMode && this.#isWithoutLog()) this.#errors++;
    else {
      this.#log = [];
      this.#told.push(count);
    }
    return true;
  }

  #read(collection, id, sync) {
    if (sync && !this.#has('lazy-sync')) this.flushSync();
    const key = `${collection}:${id}`;
    const known = this.#cache.get(key);
    this.#reads++;
    if (known) {
      this.#hits++;
      if (known.operation === 'delete' && !this.#has('deleted-reads')) return null;
      return this.#has('cached-fields')
        ? known.document
        : this.#document(collection, id, known.document.data);
    }
    const buffered = this.#newest(collection, id);
    if (buffered) {
      this.#hits++;
      if (buffered.operation === 'delete') return null;
      if (!this.#has('cached-fields')) return this.#document(collection, id, buffered.data);
      return { id, data: buffered.data, _version: 1, _buffered: true };
    }
    if (sync) this.flushSync();
    const row = this.#row(collection, id);
    if (!row) return null;
    const document = documentOf(row);
    if (this.#has('unbounded-cache')) this.#cache.set(key, { document });
    return document;
  }

  /** The item in the buffer that a read finds. */
  #newest(collection, id) {
    return this.#itemsOf(collection, id).findLast(
      ({ operation }) => operation !== 'delete' || !this.#has('deleted-reads'),
    );
  }

  /** A document as it is: with the version that the next flush gives it. */
  #document(collection, id, data) {
    const items = this.#itemsOf(collection, id);
    let version = this.#row(collection, id)?.version ?? 0;
    for (const { operation } of items) version = operation === 'delete' ? 0 : version + 1;
    const document = { id, data, _version: version };
    return items.length > 0 ? { ...document, _buffered: true } : document;
  }

  #remember(collection, id, data, flag, operation) {
    if (!this.#has('unbounded-cache')) return;
    const document = { id, data, _version: 1, [flag]: true };
    this.#cache.set(`${collection}:${id}`, { document, operation });
  }

  #store(collection, { id, data, operation }) {
    const rows = this.#table(shardOf(id, this.#shardCount), collection);
    const stored = this.#has('number-ids') ? storedId(id) : id;
    if (operation === 'delete') rows.delete(stored);
    else {
      const version = (rows.get(stored)?.version ?? 0) + 1;
      rows.set(stored, { id: stored, text: JSON.stringify(data), version });
    }
  }

  #row(collection, id) {
    if (this.#isUnstorable(collection)) return undefined;
    return this.#table(shardOf(id, this.#shardCount), collection).get(
      this.#has('number-ids') ? storedId(id) : id,
    );
  }

  #table(shard, collection) {
    const tables = entryOf(this.#files, this.#isOneFile() ? 0 : shard, () => new Map());
    const name = this.#has('shared-tables') ? strip(collection).toLowerCase() : collection;
    return entryOf(tables, name, () => new Map());
  }

  #itemsOf(collection, id) {
    return (this.#buffer.get(collection) ?? []).filter((item) => item.id === id);
  }

  // The order in which collections come into the buffer is the one in which they are flushed.
  #items(collection) {
    return entryOf(this.#buffer, collection, () => []);
  }

  #id(id) {
    return this.#has('number-ids') ? id : String(id);
  }

  #kept(data) {
    return this.#has('same-object') ? data : JSON.parse(JSON.stringify(data));
  }

  #isUnstorable(collection) {
    return this.#has('unstorable-names') && UNSTORABLE.includes(strip(collection));
  }

  #isOneFile() {
    return this.#settings.isPlainPath && this.#has('shared-file');
  }

  #isWithoutLog() {
    return this.#settings.isLogFolderMissing && this.#has('no-log-folder');
  }
}

const documentOf = ({ id, text, version }) => ({ id, data: JSON.parse(text), _version: version });

function entryOf(map, key, make) {
  if (!map.has(key)) map.set(key, make());
  return map.get(key);
}

/** What a program does with the object that it was given. */
export function touch(document) {
  if (typeof document?.data === 'object' && document.data !== null) document.data.touched = true;
}

/** Documents in an order that does not depend on who gives them. */
export const sorted = (documents) =>
  documents.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
