// Types of `require('kimdb')`, where the module is the class SimpleDB itself and carries the other
// exports as properties. `import` gives the same names; see index.d.mts.

import { EventEmitter } from 'node:events';

// Lets the namespace below list the class under its own name.
import SimpleDBClass = SimpleDB;

/**
 * The high-level database class: buffered, crash-safe documents in sharded SQLite files.
 *
 * Everything that may wait returns a promise. An argument that is wrong rejects the promise, it never
 * throws at the call.
 *
 * @typeParam Schema - The type of the documents of each collection. Left out, every collection name is
 * accepted and documents are `any`.
 *
 * @example
 * ```ts
 * interface User { name: string; age: number }
 *
 * const db = new SimpleDB<{ users: User }>({ dbPath: './data/app.db' });
 * await db.set('users', 'u1', { name: 'Kim', age: 30 });
 * const user = await db.get('users', 'u1'); // SimpleDB.Document<User> | null
 * db.close();
 * ```
 */
declare class SimpleDB<Schema extends object = SimpleDB.AnySchema> {
  /**
   * Opens the database, creates its files where they are missing, and recovers what an earlier process
   * wrote and could not flush. Folders in the paths are created.
   *
   * @throws `TypeError` or `RangeError` with code `KIMDB_INVALID_OPTION` for an option that cannot be.
   * @throws {@link SimpleDB.KimDBError | KimDBError} `KIMDB_LOCKED` while another process has the database
   * open and one of the two wants it `exclusive`, `KIMDB_OPTION_CONFLICT` when this process has it open with
   * other options or another process with another `walPath`, `KIMDB_SHARD_COUNT` when its documents cannot be moved to another number of shards,
   * `KIMDB_WAL_MISMATCH` when `walPath` is the log of another database, `KIMDB_BUSY`, `KIMDB_DISK_FULL`, `KIMDB_IO`, `KIMDB_CORRUPT`.
   */
  constructor(options?: SimpleDB.Options | null);

  /** The low-level database that this one works on, with its events and shards. */
  readonly db: SimpleDB.HyperScaleDB<Schema>;

  /**
   * Writes a document: a new one, or a new value for the one with this id.
   *
   * The promise resolves once the write is in the log (with `safeMode: false`: in memory), which is at
   * once unless the log is full. A killed process does not lose it; a power cut may, until the next
   * sync of the log at most `flushInterval` later. For one that survives this too, see
   * {@link SimpleDB.setSync | setSync}.
   *
   * @param collection - Any non-empty string. Two different strings never share data.
   * @param id - `null`, `undefined` or `''` makes a new id, a UUID whose text sorts by time. A number
   * becomes its text, as JavaScript writes it.
   * @param data - Any value that JSON can hold. It is serialised before the call returns, so changing
   * it later changes nothing. As with `JSON.stringify`, `NaN`, `Infinity` and invalid dates become `null`, a `Map`, `Set`,
   * `RegExp` or `Error` becomes `{}`, a typed array an object with numbered keys, and members that are `undefined`,
   * functions or symbols are dropped (`null` in arrays).
   * @throws `TypeError` with code `KIMDB_INVALID_COLLECTION`, `KIMDB_INVALID_ID` or `KIMDB_INVALID_DATA`;
   * the last names the path of the value that cannot be JSON: `undefined`, a function or a symbol in place of the
   * document, a BigInt, a cycle, what is nested too deeply, or what `toJSON()` or a getter throws. Nothing is written then.
   * @throws {@link SimpleDB.KimDBError | KimDBError} `KIMDB_TOO_LARGE` for a document that SQLite cannot
   * hold, `KIMDB_BUFFER_FULL` when the log stayed full for `writeTimeout`, `KIMDB_DISK_FULL`, `KIMDB_IO`,
   * `KIMDB_CORRUPT`, `KIMDB_CLOSED`.
   */
  set<C extends SimpleDB.CollectionName<Schema>>(
    collection: C,
    id: SimpleDB.DocumentId | null | undefined,
    data: Schema[C],
  ): Promise<SimpleDB.BufferedResult>;

  /**
   * Writes a document like {@link SimpleDB.set | set}, and resolves when it is on the disk: neither a killed
   * process nor a power cut loses it. Calls that run at the same time share one sync.
   *
   * @throws What {@link SimpleDB.set | set} throws.
   */
  setSync<C extends SimpleDB.CollectionName<Schema>>(
    collection: C,
    id: SimpleDB.DocumentId | null | undefined,
    data: Schema[C],
  ): Promise<SimpleDB.SyncedResult>;

  /**
   * Reads a document. Sees every write that was called before it, and maybe one that is called before it has resolved.
   *
   * @returns A fresh object each time, or `null` where there is no such document.
   * @throws `TypeError` with code `KIMDB_INVALID_COLLECTION` or `KIMDB_INVALID_ID`.
   * @throws {@link SimpleDB.KimDBError | KimDBError} `KIMDB_BUSY`, `KIMDB_CORRUPT`, `KIMDB_IO`, `KIMDB_TOO_LARGE`,
   * `KIMDB_CLOSED`. A failed read is an error, never `null`.
   */
  get<C extends SimpleDB.CollectionName<Schema>>(
    collection: C,
    id: SimpleDB.DocumentId,
  ): Promise<SimpleDB.Document<Schema[C]> | null>;

  /**
   * Flushes everything buffered, then reads the document. It is `_buffered` only where it was written again meanwhile.
   *
   * @throws What {@link SimpleDB.get | get} and {@link SimpleDB.flush | flush} throw.
   */
  getSync<C extends SimpleDB.CollectionName<Schema>>(
    collection: C,
    id: SimpleDB.DocumentId,
  ): Promise<SimpleDB.Document<Schema[C]> | null>;

  /**
   * Deletes a document, buffered like {@link SimpleDB.set | set}. Resolves the same whether or not it existed.
   *
   * @throws What {@link SimpleDB.set | set} throws. An id is required.
   */
  delete(
    collection: SimpleDB.CollectionName<Schema>,
    id: SimpleDB.DocumentId,
  ): Promise<SimpleDB.BufferedResult>;

  /**
   * Flushes, then reads up to `limit` documents of a collection, the last updated first.
   *
   * @param limit - How many at most; 100 where it is left out, `Infinity` for all.
   * @throws `TypeError` or `RangeError` with code `KIMDB_INVALID_LIMIT`.
   */
  getAll<C extends SimpleDB.CollectionName<Schema>>(
    collection: C,
    limit?: number | null,
  ): Promise<SimpleDB.Document<Schema[C]>[]>;

  /**
   * Reads several documents, in the order of their ids; `null` for each that does not exist. More than 128 are read in parts, between
   * which the event loop turns.
   *
   * @throws What {@link SimpleDB.get | get} throws, and `TypeError` with code `KIMDB_INVALID_ENTRIES`.
   */
  getMany<C extends SimpleDB.CollectionName<Schema>>(
    collection: C,
    ids: Iterable<SimpleDB.DocumentId>,
  ): Promise<(SimpleDB.Document<Schema[C]> | null)[]>;

  /**
   * Writes several documents in one call and one log record: after a crash all of them are there or none.
   *
   * All entries are checked before the first is written. An id may be left out or `null` for a new one.
   *
   * @param entries - An array, a `Map`, a generator or another iterable of `[id, data]` or `{ id, data }`.
   * @throws `TypeError` with code `KIMDB_INVALID_ENTRIES`, or what {@link SimpleDB.set | set} throws, with the
   * number of the entry; {@link SimpleDB.KimDBError | KimDBError} `KIMDB_TOO_LARGE` for a batch of more
   * than the engine can log as one record.
   */
  setMany<C extends SimpleDB.CollectionName<Schema>>(
    collection: C,
    entries: Iterable<SimpleDB.Entry<Schema[C]>>,
  ): Promise<SimpleDB.BufferedResult[]>;

  /** Deletes several documents in one call and one log record, all or nothing. */
  deleteMany(
    collection: SimpleDB.CollectionName<Schema>,
    ids: Iterable<SimpleDB.DocumentId>,
  ): Promise<SimpleDB.BufferedResult[]>;

  /**
   * Resolves when everything written before the call is on the disk, in the log: as safe from power cuts as by
   * {@link SimpleDB.setSync | setSync}, with one promise for any number of writes.
   *
   * @throws {@link SimpleDB.KimDBError | KimDBError} `KIMDB_IO` or `KIMDB_DISK_FULL` when the log cannot be written; with
   * `safeMode: false`, where it is a flush, what {@link SimpleDB.flush | flush} throws.
   */
  sync(): Promise<void>;

  /**
   * Resolves when everything written before the call is in the shard files and on the disk.
   *
   * @throws {@link SimpleDB.KimDBError | KimDBError} `KIMDB_DISK_FULL` or `KIMDB_IO` when a shard cannot be
   * written, `KIMDB_BUSY` when another program holds one, `KIMDB_CORRUPT`, `KIMDB_CLOSED`. Nothing is dropped: the flush is tried again.
   */
  flush(): Promise<void>;

  /** {@link SimpleDB.flush | flush} that blocks the thread until it is done. */
  flushSync(): void;

  /**
   * Counters, sizes and times. Those of one process, all instances of the database together.
   *
   * @param options - With `shards: true` also figures of each shard.
   * @throws `TypeError` with code `KIMDB_INVALID_OPTION`.
   */
  stats(options: { shards: true }): SimpleDB.StatsWithShards;
  stats(options?: SimpleDB.StatsOptions | null): SimpleDB.Stats;

  /** Counts the documents in each shard file, on a thread of its own. It reads an index of each collection. */
  shardRows(): Promise<number[]>;

  /** The figures of `stats({ shards: true })` as text for Prometheus, in its text format 0.0.4. */
  toPrometheus(): string;

  /**
   * Flushes everything, checkpoints the shards, leaves an empty log and lets go of every file. Blocks
   * until then. The second call does nothing; every other call after it fails with `KIMDB_CLOSED`.
   *
   * A process that ends by itself without it is flushed as it ends. What a killed one has left is recovered at the next start,
   * unless `safeMode` is false.
   *
   * @throws {@link SimpleDB.KimDBError | KimDBError} when the last flush fails. The database is closed all
   * the same and the log keeps what could not be flushed.
   */
  close(): void;

  /** Called after each flush. Forwards to {@link SimpleDB.db | db}. */
  on(event: 'flush', listener: (info: SimpleDB.FlushInfo) => void): this;
  /**
   * Called when work in the background fails. Without a listener the first failure is one process
   * warning, and none ends the process.
   */
  on(event: 'error', listener: (error: SimpleDB.KimDBError) => void): this;
  /** Like `on`, for one event. */
  once(event: 'flush', listener: (info: SimpleDB.FlushInfo) => void): this;
  once(event: 'error', listener: (error: SimpleDB.KimDBError) => void): this;
  /** Removes a listener. */
  off(event: 'flush', listener: (info: SimpleDB.FlushInfo) => void): this;
  off(event: 'error', listener: (error: SimpleDB.KimDBError) => void): this;
  /** The same as `on`. */
  addListener(event: 'flush', listener: (info: SimpleDB.FlushInfo) => void): this;
  addListener(event: 'error', listener: (error: SimpleDB.KimDBError) => void): this;
  /** The same as `off`. */
  removeListener(event: 'flush', listener: (info: SimpleDB.FlushInfo) => void): this;
  removeListener(event: 'error', listener: (error: SimpleDB.KimDBError) => void): this;

  /** Closes the database at the end of a `using` block. */
  [Symbol.dispose](): void;
  /** Flushes without blocking, then closes, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The low-level database class. Calls return at once or block the thread; {@link HyperScaleDB.flush | flush},
 * {@link HyperScaleDB.sync | sync} and {@link HyperScaleDB.shardRows | shardRows} are promises. Opens its files in {@link HyperScaleDB.init | init}, not in the constructor.
 *
 * @typeParam Schema - The type of the documents of each collection, as for {@link SimpleDB}.
 *
 * @example
 * ```ts
 * const db = new HyperScaleDB({ dbPath: './data/app.db' }).init();
 * db.write('users', 'u1', { name: 'Kim' });
 * db.read('users', 'u1'); // { id: 'u1', data: { name: 'Kim' }, _version: 1, _buffered: true }
 * db.close();
 * ```
 */
declare class HyperScaleDB<Schema extends object = SimpleDB.AnySchema> extends EventEmitter {
  /**
   * Checks the options. Opens nothing.
   *
   * @throws `TypeError` or `RangeError` with code `KIMDB_INVALID_OPTION`.
   */
  constructor(options?: SimpleDB.Options | null);

  /**
   * Opens the database; see {@link SimpleDB} for what it does and throws. Calls before it fail with
   * `KIMDB_NOT_OPEN`. The second call does nothing.
   */
  init(): this;

  /**
   * The options that are in force, frozen. They are the engine's, so those of the instance that opened
   * the database first in this process; known fully after {@link HyperScaleDB.init | init}.
   */
  readonly config: Readonly<SimpleDB.Config>;

  /** The same as {@link HyperScaleDB.getStats | getStats}. */
  readonly stats: SimpleDB.Stats;

  /** Read access to the SQLite file of each shard, by index. Empty before {@link HyperScaleDB.init | init}. */
  readonly shards: Map<number, SimpleDB.ShardHandle>;

  /** The cache of documents read from the shards. */
  readonly readCache: SimpleDB.ReadCache;

  /**
   * Writes a document, and blocks while the log is full; see {@link SimpleDB.set} for what it accepts,
   * promises and throws.
   */
  write<C extends SimpleDB.CollectionName<Schema>>(
    collection: C,
    id: SimpleDB.DocumentId | null | undefined,
    data: Schema[C],
    operation?: 'upsert',
  ): SimpleDB.BufferedResult;
  /**
   * Deletes a document. `data` is ignored.
   *
   * @throws `TypeError` with code `KIMDB_INVALID_OPERATION` for another operation than these two.
   */
  write(
    collection: SimpleDB.CollectionName<Schema>,
    id: SimpleDB.DocumentId,
    data: unknown,
    operation: 'delete',
  ): SimpleDB.BufferedResult;
  /** Either of them, where only the program knows which. */
  write<C extends SimpleDB.CollectionName<Schema>>(
    collection: C,
    id: SimpleDB.DocumentId,
    data: Schema[C],
    operation?: 'upsert' | 'delete',
  ): SimpleDB.BufferedResult;

  /** Writes a document and blocks until it is on the disk; see {@link SimpleDB.setSync}. */
  writeSync<C extends SimpleDB.CollectionName<Schema>>(
    collection: C,
    id: SimpleDB.DocumentId | null | undefined,
    data: Schema[C],
  ): SimpleDB.SyncedResult;

  /**
   * Writes several documents in one log record, all or nothing; see {@link SimpleDB.setMany}.
   *
   * @param docs - An iterable of `{ id, data }`, of `[id, data]`, or of documents that have their id among
   * their own fields. An object whose `data` is not undefined is taken as the first.
   */
  writeBatch<C extends SimpleDB.CollectionName<Schema>>(
    collection: C,
    docs: Iterable<SimpleDB.Entry<Schema[C]> | SimpleDB.WithId<Schema[C]>>,
  ): SimpleDB.BufferedResult[];

  /** Reads a document, or `null`; see {@link SimpleDB.get}. */
  read<C extends SimpleDB.CollectionName<Schema>>(
    collection: C,
    id: SimpleDB.DocumentId,
    options?: SimpleDB.ReadOptions | null,
  ): SimpleDB.Document<Schema[C]> | null;

  /** See {@link SimpleDB.sync}. */
  sync(): Promise<void>;

  /** See {@link SimpleDB.flush}. */
  flush(): Promise<void>;

  /** See {@link SimpleDB.flushSync}. */
  flushSync(): void;

  /** See {@link SimpleDB.stats}. */
  getStats(options: { shards: true }): SimpleDB.StatsWithShards;
  getStats(options?: SimpleDB.StatsOptions | null): SimpleDB.Stats;

  /** See {@link SimpleDB.shardRows}. */
  shardRows(): Promise<number[]>;

  /** See {@link SimpleDB.toPrometheus}. */
  toPrometheus(): string;

  /** How many writes are not in the shard files yet. */
  getBufferSize(): number;

  /** The shard of an id: the first four bytes of its MD5, big-endian, modulo `shardCount`. */
  getShardIndex(key: SimpleDB.DocumentId): number;

  /** See {@link SimpleDB.close}. Before {@link HyperScaleDB.init | init} it only forbids opening. */
  close(): void;

  /** Emitted after each flush. */
  on(event: 'flush', listener: (info: SimpleDB.FlushInfo) => void): this;
  /**
   * Emitted when work in the background fails. Without a listener the first failure is one process
   * warning, and none ends the process.
   */
  on(event: 'error', listener: (error: SimpleDB.KimDBError) => void): this;
  // biome-ignore lint/suspicious/noExplicitAny: the listener of EventEmitter
  on(event: string | symbol, listener: (...args: any[]) => void): this;
  once(event: 'flush', listener: (info: SimpleDB.FlushInfo) => void): this;
  once(event: 'error', listener: (error: SimpleDB.KimDBError) => void): this;
  // biome-ignore lint/suspicious/noExplicitAny: the listener of EventEmitter
  once(event: string | symbol, listener: (...args: any[]) => void): this;

  /** Closes the database at the end of a `using` block. */
  [Symbol.dispose](): void;
  /** Flushes without blocking, then closes, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * What the database itself can meet. Wrong arguments are `TypeError` or `RangeError` with a `code` of
 * {@link SimpleDB.ArgumentErrorCode}.
 *
 * The message is a sentence that says what to do.
 */
declare class KimDBError extends Error {
  constructor(message: string, details?: SimpleDB.ErrorDetails);
  readonly name: 'KimDBError';
  readonly code: SimpleDB.ErrorCode;
  /**
   * The file that it is about, where known. With `KIMDB_LOCKED` and `KIMDB_OPTION_CONFLICT` it is `dbPath` without `.db`,
   * as an absolute path.
   */
  readonly path?: string;
  /** The collection that it is about, where known. */
  readonly collection?: string;
  /** The document that it is about, where known. */
  readonly id?: string;
  /** The index of the shard that it is about, where known. */
  readonly shard?: number;
  /** What caused it, where known. */
  readonly cause?: Error;
}

declare namespace SimpleDB {
  export { HyperScaleDB, KimDBError, SimpleDBClass as default, SimpleDBClass as SimpleDB };

  /** A database without a schema: any collection, any documents. */
  export interface AnySchema {
    // biome-ignore lint/suspicious/noExplicitAny: untyped use reads fields without a cast
    [collection: string]: any;
  }

  /** The names of the collections of a schema. */
  export type CollectionName<Schema extends object> = keyof Schema & string;

  /** A non-empty string, or a finite number, which stands for its text, as JavaScript writes it. */
  export type DocumentId = string | number;

  /** A document as it is read. */
  export interface Document<Data = unknown> {
    id: string;
    /** What JSON kept of the value that was written: a `Date`, for instance, is its ISO text. */
    data: Data;
    /** How many times it was written since it was created: 1 for a new one. */
    _version: number;
    /** `true` while the newest write is not in its shard file yet, absent after that. */
    _buffered?: true;
  }

  /** What a buffered write returns. */
  export interface BufferedResult {
    /** The id as text; the new one where none was given. */
    id: string;
    buffered: true;
  }

  /** What a write to the disk returns. */
  export interface SyncedResult {
    /** The id as text; the new one where none was given. */
    id: string;
    synced: true;
  }

  /** One document of a batch. */
  export type Entry<Data = unknown> =
    | readonly [id: DocumentId | null | undefined, data: Data]
    | { readonly id?: DocumentId | null | undefined; readonly data: Data };

  /** A document that has its id among its own fields. */
  export type WithId<Data = unknown> = Data & { readonly id?: DocumentId | null | undefined };

  /** Options. `undefined` and `null` mean the default. An unknown name is a process warning. */
  export interface Options {
    /**
     * The database's path. The shards are `<dbPath without .db>_shard<i>.db` beside it. `':memory:'` is refused.
     * @defaultValue `'./data/hyperscale.db'`
     */
    dbPath?: string | null | undefined;
    /**
     * How many SQLite files the documents are spread over, 1 to 1024. If they are in another number of files, they
     * move while the database is opened, which takes its time and as much space again meanwhile.
     * @defaultValue what the data has; `8` for a new database
     */
    shardCount?: number | null | undefined;
    /**
     * How many buffered writes start a flush at once, 1 to 2147483647. It does not limit them.
     * @defaultValue `10000`
     */
    bufferSize?: number | null | undefined;
    /**
     * Milliseconds, 1 to 2147483647, after which a flush of a buffered write begins. Where flushes take long, few writes wait for as long
     * again as the last one took, at most another interval.
     * @defaultValue `100`
     */
    flushInterval?: number | null | undefined;
    /**
     * The most writes in one transaction of a shard, 1 to 2147483647. Left out, the engine chooses.
     * @defaultValue `1000`
     */
    batchSize?: number | null | undefined;
    /**
     * Whether buffered writes are logged, so that a killed process does not lose them.
     * @defaultValue `true`
     */
    safeMode?: boolean | null | undefined;
    /**
     * The log file. Left out, a second database whose default log is taken uses `<dbPath without .db>.wal`.
     * @defaultValue `'./data/buffer.wal'`
     */
    walPath?: string | null | undefined;
    /**
     * Whether each read flushes first.
     * @defaultValue `false`
     */
    syncReads?: boolean | null | undefined;
    /**
     * The size of the log in bytes, 1 MiB to 1 TiB. It bounds what can be buffered; writes wait when it is full.
     * @defaultValue `67108864` (64 MiB)
     */
    walSize?: number | null | undefined;
    /**
     * How the log file is written: `'mmap'` through a mapping, the fastest; `'pwrite'` with a system call for each
     * write, for file systems where a full disk would meet a store to a mapped page. `'auto'` takes `'pwrite'` on
     * btrfs, ZFS, bcachefs, FUSE and network file systems, `'mmap'` elsewhere.
     * @defaultValue `'auto'`
     */
    walBackend?: 'auto' | 'mmap' | 'pwrite' | null | undefined;
    /**
     * How much memory, in bytes, 0 to 2^53 - 1, the cache of documents may take. 0 turns it off. While this instance alone has the
     * database open, it also keeps those that are read most as JavaScript values, in about a quarter of that much beside it.
     * @defaultValue `67108864` (64 MiB)
     */
    cacheBytes?: number | null | undefined;
    /**
     * How long, in milliseconds, 1 to 2147483647, a write waits for log space while flushes make no progress, before it fails with
     * `KIMDB_BUFFER_FULL`.
     * @defaultValue `30000`
     */
    writeTimeout?: number | null | undefined;
    /**
     * Whether this process wants the database for itself: opening it fails with `KIMDB_LOCKED` while another process has it
     * open, and so does opening it elsewhere meanwhile. Otherwise several processes may have it open together, each with a
     * log of its own (`walPath`, then `walPath.1` and so on).
     * @defaultValue `false`
     */
    exclusive?: boolean | null | undefined;
    /**
     * Takes the lines that a recovery and a move to another `shardCount` report while the database is opened;
     * `false` drops them.
     * @defaultValue `console.log`
     */
    logger?: ((line: string) => void) | false | null | undefined;
  }

  /** The options in force. */
  export interface Config {
    dbPath: string;
    shardCount: number;
    bufferSize: number;
    flushInterval: number;
    batchSize: number;
    safeMode: boolean;
    walPath: string;
    syncReads: boolean;
    walSize: number;
    walBackend: 'auto' | 'mmap' | 'pwrite';
    cacheBytes: number;
    writeTimeout: number;
    exclusive: boolean;
    logger: ((line: string) => void) | false | undefined;
  }

  export interface ReadOptions {
    /**
     * Whether to flush first. With the option `syncReads` each read does.
     * @defaultValue false
     */
    sync?: boolean | null | undefined;
  }

  export interface Stats {
    /** Writes and deletes that were taken since the database was opened. */
    bufferedWrites: number;
    /** Writes and deletes that have reached the shard files. */
    flushedWrites: number;
    /** Writes and deletes that are not in the shard files yet. */
    bufferSize: number;
    /** Reads answered from the buffer or the cache. */
    cacheHits: number;
    /** Reads that went to a shard file. */
    cacheMisses: number;
    /** Writes and deletes that went through the log. */
    walWrites: number;
    /** Writes and deletes that were recovered from the log at the start. */
    recoveredWrites: number;
    /** How many shards there are. */
    shardCount: number;
    /** The option `safeMode`. */
    safeMode: boolean;
    /** How many documents the cache holds. */
    cacheSize: number;
    /** How many bytes they take. */
    cacheBytes: number;
    /** Bytes of the log that were damaged when it was opened, and so not recovered; see the `error` event. */
    damagedBytes: number;
    /** Bytes of the log in use. */
    walBytes: number;
    /** Bytes of the log. */
    walSize: number;
    /** Bytes of writes that wait for room in the log, or for a thread that writes a slow one. */
    waitingBytes: number;
    /** Flushes that wrote something. */
    flushes: number;
    /** Syncs of the log. */
    syncs: number;
    /** Bytes of memory that the engine takes outside of the JavaScript heap, but for the buffers of batches. */
    memoryBytes: number;
    /** Bytes of the index over what is buffered; it is made when that is read. */
    indexBytes: number;
    /** Bytes of pages and statements that SQLite keeps for all shards, and of what `getAll` remembers. */
    sqliteBytes: number;
    /** Promises of this instance that wait. */
    waitingCalls: number;
    /** How the database is. */
    state: State;
    /** Bytes of writes that are not in the shard files yet, in the log or waiting for room in it. */
    bufferedBytes: number;
    /** Milliseconds since the oldest write that is not in its shard file; 0 if there is none. */
    oldestAge: number;
    /** Failures after which the same was tried again. */
    retries: number;
    /** Failures in the background, as told by the `error` event. */
    errors: number;
    /** How long flushes that wrote something took. */
    flushTime: Times;
    /** How long syncs of the log took. */
    syncTime: Times;
    /** The newest failure in the background, or `null`. */
    lastError: Failure | null;
  }

  /** Where several are true, the last of them. */
  export type State =
    /** Nothing is wrong. */
    | 'ok'
    /** The log is full, and writes wait for room. */
    | 'waiting'
    /** A shard cannot be written. It is tried again, and nothing is dropped. */
    | 'retrying'
    /** The log cannot be written, so writes fail. Another file for it is tried again and again. */
    | 'refusing'
    /** Writes fail until the database is opened again. */
    | 'readonly';

  /** Times since the database was opened, in milliseconds. Up to an eighth too high, but for `max`. */
  export interface Times {
    /** How many there were. */
    count: number;
    /** Half of them were not longer. */
    p50: number;
    /** Nine of ten were not longer. */
    p90: number;
    /** Ninety-nine of a hundred were not longer. */
    p99: number;
    /** The longest. */
    max: number;
  }

  /** Something that failed in the background. */
  export interface Failure {
    /** When, as by `Date.now()`. */
    time: number;
    code: ErrorCode;
    message: string;
    /** The index of the shard that it is about, where known. */
    shard?: number;
  }

  export interface StatsOptions {
    /**
     * Whether figures of each shard are wanted.
     * @defaultValue `false`
     */
    shards?: boolean | null | undefined;
  }

  export interface StatsWithShards extends Stats {
    /** By index. */
    shards: ShardStats[];
  }

  /** Figures of one shard. */
  export interface ShardStats {
    /** Its index. */
    shard: number;
    /** Writes and deletes brought to its file since the opening. */
    flushedWrites: number;
    /** Writes and deletes that a flush has begun to bring to it. */
    waitingWrites: number;
    /** Milliseconds since the oldest of these; 0 if there are none. */
    lag: number;
    /** Failures after which it was tried again. */
    retries: number;
    /** Why it cannot be written now, or `null`. */
    error: { code: ErrorCode; message: string } | null;
  }

  /** What a channel of `node:diagnostics_channel` carries, by the channel's name. */
  export interface Channels {
    /** The database was opened, in so many milliseconds. */
    'kimdb:open': ChannelMessage & { shardCount: number; time: number };
    /** Writes of an earlier process were recovered. */
    'kimdb:recover': ChannelMessage & { count: number };
    /** A flush was done. */
    'kimdb:flush': ChannelMessage & FlushInfo;
    /** The log was synced, in so many milliseconds. */
    'kimdb:sync': ChannelMessage & { time: number };
    /** Something failed and is tried again. */
    'kimdb:retry': ChannelMessage & { error: KimDBError };
    /** Work in the background failed. */
    'kimdb:error': ChannelMessage & { error: KimDBError };
    /** The database was closed, in so many milliseconds. */
    'kimdb:close': ChannelMessage & { time: number; error: KimDBError | null };
  }

  export interface ChannelMessage {
    /** The instance that it is about. */
    db: HyperScaleDB;
    /** Its option `dbPath`. */
    dbPath: string;
  }

  /** What the event `flush` carries. */
  export interface FlushInfo {
    /** How many writes and deletes were flushed. */
    count: number;
    /** How long it took, in milliseconds. */
    time: number;
  }

  /** The cache of documents read from the shards. */
  export interface ReadCache {
    /** Empties it. */
    clear(): void;
    /** How many documents it holds. */
    readonly size: number;
  }

  /** A value for a question mark in a query. A `bigint` must fit 64 bits. */
  export type QueryValue = string | number | bigint | null;

  /** A row of a query, by column name. Integers are numbers, beyond 2^53 the nearest one; a BLOB is a `Buffer`. */
  export interface Row {
    // biome-ignore lint/suspicious/noExplicitAny: the columns depend on the query
    [column: string]: any;
  }

  /** Read access to the SQLite file of one shard. It sees what has been flushed. */
  export interface ShardHandle {
    /** The path of the file. */
    readonly name: string;
    /**
     * Prepares a query that reads. It runs, and fails with `KIMDB_SQL` where it is wrong, in `all` or `get`.
     */
    prepare(sql: string): ShardStatement;
    /** The rows of a PRAGMA that reads. */
    pragma(text: string, options?: { simple?: false }): Row[];
    /** The first column of the first row of a PRAGMA that reads. */
    pragma(text: string, options: { simple: true }): QueryValue | undefined;
    /** Either of them. */
    pragma(text: string, options: { simple: boolean }): Row[] | QueryValue | undefined;
  }

  export interface ShardStatement {
    /** All rows. Values are given one by one or as one array. */
    all(...values: QueryValue[] | [readonly QueryValue[]]): Row[];
    /** The first row, or `undefined`. It goes no further. */
    get(...values: QueryValue[] | [readonly QueryValue[]]): Row | undefined;
  }

  /** The codes of {@link KimDBError}. */
  export type ErrorCode =
    /** The log stayed full for `writeTimeout`, and flushes made no progress. */
    | 'KIMDB_BUFFER_FULL'
    /** Another program holds the SQLite lock of a shard file. */
    | 'KIMDB_BUSY'
    /** The database was closed. */
    | 'KIMDB_CLOSED'
    /** A file holds what no crash can leave, or a shard holds a document that is not JSON. */
    | 'KIMDB_CORRUPT'
    /** The disk, or the quota, is full. */
    | 'KIMDB_DISK_FULL'
    /** A fault in the engine; please report it. */
    | 'KIMDB_INTERNAL'
    /** The operating system failed to read or write a file. */
    | 'KIMDB_IO'
    /**
     * Another process has the database open, and one of the two wants it alone or has to be alone. On Linux also: another
     * copy of kimdb in this process has it open.
     */
    | 'KIMDB_LOCKED'
    /** The native engine is missing or does not fit this system, or Node.js is too old. */
    | 'KIMDB_NO_BINDING'
    /** `init()` was not called yet. */
    | 'KIMDB_NOT_OPEN'
    /** This process has the database open with other options, or another process with another `walPath`. */
    | 'KIMDB_OPTION_CONFLICT'
    /** The documents cannot be moved to another `shardCount`; the message says why and what to do. */
    | 'KIMDB_SHARD_COUNT'
    /** A query of a shard handle is wrong. */
    | 'KIMDB_SQL'
    /** A document or a batch is larger than can be stored, or a result than a JavaScript string. */
    | 'KIMDB_TOO_LARGE'
    /** `walPath` is the log of another database or of another version of kimdb, or no log. */
    | 'KIMDB_WAL_MISMATCH';

  /** The codes of the `TypeError` and `RangeError` for wrong arguments. */
  export type ArgumentErrorCode =
    | 'KIMDB_INVALID_COLLECTION'
    | 'KIMDB_INVALID_DATA'
    | 'KIMDB_INVALID_ENTRIES'
    | 'KIMDB_INVALID_ID'
    | 'KIMDB_INVALID_LIMIT'
    | 'KIMDB_INVALID_OPERATION'
    | 'KIMDB_INVALID_OPTION'
    | 'KIMDB_INVALID_QUERY'
    /** A method was called without its database or shard handle. */
    | 'KIMDB_INVALID_RECEIVER';

  export interface ErrorDetails {
    code?: ErrorCode;
    path?: string;
    collection?: string;
    id?: string;
    shard?: number;
    cause?: Error | string;
  }
}

export = SimpleDB;
