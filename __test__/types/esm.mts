// Compiled, never run: what the types accept and refuse for a program that uses `import`.

import { subscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import type { BufferedResult, Channels, Document, FlushInfo, Options, Row, State, Stats } from 'kimdb';
import SimpleDB, { HyperScaleDB, KimDBError, SimpleDB as Named } from 'kimdb';
import FromHyperscale, { HyperScaleDB as OtherHyperScaleDB } from 'kimdb/hyperscale';
import { type MonitorOptions, monitor, toPrometheus } from 'kimdb/monitor';

interface User {
  name: string;
  age: number;
}

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

export async function typed(): Promise<void> {
  const db = new SimpleDB<{ users: User; counters: number; anything: unknown }>({ dbPath: './data/app.db' });
  db.stats({ shards: undefined });

  await db.set('users', 'u1', { name: 'Kim', age: 30 });
  await db.set('users', null, { name: 'Kim', age: 30 });
  await db.set('users', 7, { name: 'Kim', age: 30 });
  await db.set('counters', 'c', 1);
  await db.set('anything', 'a', { b: [1] });
  // @ts-expect-error: no such collection
  await db.set('user', 'u1', { name: 'Kim', age: 30 });
  // @ts-expect-error: a field is missing
  await db.set('users', 'u1', { name: 'Kim' });
  // @ts-expect-error: a field is of another type
  await db.setSync('users', 'u1', { name: 'Kim', age: '30' });
  // @ts-expect-error: an id is a string or a number
  await db.set('users', {}, { name: 'Kim', age: 30 });

  const user = await db.get('users', 'u1');
  same<typeof user, Document<User> | null>(true);
  // @ts-expect-error: it can be null
  user.data;
  const synced = await db.getSync('counters', 'c');
  same<typeof synced, Document<number> | null>(true);
  const all = await db.getAll('users', Number.POSITIVE_INFINITY);
  same<typeof all, Document<User>[]>(true);
  const some = await db.getMany('users', new Set(['u1', 2]));
  same<typeof some, (Document<User> | null)[]>(true);
  // @ts-expect-error: an id is needed to read
  await db.get('users');
  // @ts-expect-error: and to delete
  await db.delete('users', null);

  await db.setMany('users', [
    ['u1', { name: 'Kim', age: 30 }],
    { id: 'u2', data: { name: 'Lee', age: 31 } },
    { data: { name: 'Park', age: 32 } },
  ]);
  await db.setMany('users', new Map([['u1', { name: 'Kim', age: 30 }]]));
  // @ts-expect-error: an entry of another type
  await db.setMany('users', [['u1', { name: 'Kim' }]]);
  const deleted = await db.deleteMany('users', ['u1']);
  same<typeof deleted, BufferedResult[]>(true);
  const buffered: true | undefined = deleted[0]?.buffered;
  void buffered;

  db.on('flush', ({ count, time }) => {
    const sum: number = count + time;
    void sum;
  }).once('error', (error) => {
    if (error.code === 'KIMDB_DISK_FULL') console.error(error.path, error.shard);
    // @ts-expect-error: no such code
    if (error.code === 'KIMDB_DISC_FULL') console.error(error);
  });
  // @ts-expect-error: no such event
  db.on('flushed', () => {});

  const hyper: HyperScaleDB<{ users: User; counters: number; anything: unknown }> = db.db;
  void hyper;
  db.flushSync();
  const nothing: undefined = (await db.flush()) as undefined;
  void nothing;
  db.close();
}

export async function untyped(): Promise<void> {
  const db = new SimpleDB();
  await db.set('any', 'id', { deeply: { nested: [1, null, 'text'] } });
  await db.set('other', undefined, 5);
  const found = await db.get('any', 'id');
  const name: string | undefined = found?.data.whatever.name;
  void name;
  await db.getMany('any', ['a']);
  const stats: Stats = db.stats();
  const documented: (number | boolean)[] = [
    stats.bufferedWrites,
    stats.flushedWrites,
    stats.bufferSize,
    stats.cacheHits,
    stats.cacheMisses,
    stats.walWrites,
    stats.recoveredWrites,
    stats.shardCount,
    stats.safeMode,
    stats.cacheSize,
  ];
  void documented;
}

export function lowLevel(): void {
  const db = new HyperScaleDB<{ users: User }>({ syncReads: true }).init();
  const written = db.write('users', 'u1', { name: 'Kim', age: 30 });
  same<(typeof written)['buffered'], true>(true);
  db.write('users', 'u1', { name: 'Kim', age: 30 }, 'upsert');
  db.write('users', 'u1', null, 'delete');
  const operation = Math.random() < 0.5 ? ('upsert' as const) : ('delete' as const);
  db.write('users', 'u1', { name: 'Kim', age: 30 }, operation);
  // @ts-expect-error: no such operation
  db.write('users', 'u1', null, 'remove');
  const synced: { id: string; synced: true } = db.writeSync('users', null, { name: 'Kim', age: 30 });
  void synced;
  db.writeBatch('users', [
    { id: 'u1', data: { name: 'Kim', age: 30 } },
    { id: 'u2', name: 'Lee', age: 31 },
    ['u3', { name: 'Park', age: 32 }],
  ]);
  const found = db.read('users', 'u1', { sync: true });
  same<typeof found, Document<User> | null>(true);
  // @ts-expect-error: config is read-only
  db.config.shardCount = 4;
  const size: number =
    db.getBufferSize() + db.getShardIndex('u1') + db.readCache.size + db.stats.flushedWrites;
  void size;
  db.readCache.clear();
  for (const [index, shard] of db.shards) {
    const at: number = index;
    const rows: Row[] = shard.prepare('SELECT * FROM users WHERE id = ?').all('u1');
    const first = shard.prepare('SELECT count(*) AS n FROM users').get()?.n;
    const mode = shard.pragma('journal_mode', { simple: true });
    const either: SimpleDB.Row[] | SimpleDB.QueryValue | undefined = shard.pragma('journal_mode', {
      simple: mode === 'wal',
    });
    console.log(either);
    console.log(at, shard.name, rows, first, mode, shard.pragma('table_list').length);
  }
  db.on('flush', (info: FlushInfo) => console.log(info.count));
  db.emit('anything', 1);
  db.removeAllListeners();
}

export async function figures(db: SimpleDB<{ users: User }>): Promise<void> {
  const stats = db.stats();
  const state: State = stats.state;
  const numbers: number[] = [stats.bufferedBytes, stats.oldestAge, stats.flushTime.p99, stats.syncTime.max];
  // @ts-expect-error: only where they are asked for
  stats.shards;
  const { shards } = db.db.getStats({ shards: true });
  const reason: string | undefined = shards[0]?.error?.code ?? stats.lastError?.message;
  const rows: number[] = await db.shardRows();
  const text: string = db.toPrometheus() + toPrometheus(db, db.db, new SimpleDB());
  const options: MonitorOptions = { path: '/kimdb' };
  createServer(monitor(db, options));
  createServer(monitor(db.db));
  // @ts-expect-error: a database
  monitor({});
  subscribe('kimdb:close', (message) => {
    const { db, dbPath, error } = message as Channels['kimdb:close'];
    console.log(db.config.shardCount, dbPath, error?.code);
  });
  console.log(state, numbers, reason, rows, text);
}

export function options(): Options[] {
  return [
    {},
    { dbPath: null, logger: false },
    {
      dbPath: './data/app.db',
      shardCount: 16,
      bufferSize: 50000,
      flushInterval: 50,
      batchSize: 5000,
      safeMode: false,
      walPath: './data/app.wal',
      syncReads: true,
      walSize: 2 ** 27,
      cacheBytes: 0,
      writeTimeout: 1000,
      logger: (line: string) => console.log(line),
    },
    // @ts-expect-error: a number
    { shardCount: '16' },
    // @ts-expect-error: no such option
    { shards: 16 },
  ];
}

export async function disposal(): Promise<void> {
  const sync: { [Symbol.dispose](): void } = new Named();
  const async: { [Symbol.asyncDispose](): Promise<void> } = new HyperScaleDB();
  sync[Symbol.dispose]();
  await async[Symbol.asyncDispose]();
}

export function errors(error: unknown): string | undefined {
  if (!(error instanceof KimDBError)) return undefined;
  const details: (string | number | undefined)[] = [error.path, error.collection, error.id, error.shard];
  console.log(details, error.cause?.message);
  return error.code;
}

// Both entry points give the same classes.
const other: typeof SimpleDB = FromHyperscale;
const otherHyper: typeof HyperScaleDB = OtherHyperScaleDB;
const named: typeof SimpleDB = Named;
void [other, otherHyper, named];

class Repository extends SimpleDB<{ users: User }> {
  async byName(name: string): Promise<Document<User> | undefined> {
    return (await this.getAll('users')).find((user) => user.data.name === name);
  }
}
void Repository;
