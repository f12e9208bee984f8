// HyperScaleDB, method by method in the order of the API document.

import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { basename } from 'node:path';
import test from 'ava';
import { HyperScaleDB } from 'kimdb/hyperscale';
import { filesIn, manualFlush, openHyper, pathsIn, rowsOf, useFolder } from './helpers/database.mjs';
import { rejectsCode, throwsCode } from './helpers/errors.mjs';

const callsThatNeedItOpen = (db) => [
  () => db.write('users', 'u1', 1),
  () => db.write('users', 'u1', null, 'delete'),
  () => db.writeSync('users', 'u1', 1),
  () => db.writeBatch('users', []),
  () => db.read('users', 'u1'),
  () => db.flushSync(),
  () => db.getStats(),
  () => db.getBufferSize(),
  () => db.getShardIndex('u1'),
  () => db.stats,
  () => db.readCache.clear(),
  () => db.readCache.size,
];

// constructor, init

test('calls before init fail and create nothing', async (t) => {
  const folder = useFolder(t);
  const db = new HyperScaleDB(pathsIn(folder));
  for (const call of callsThatNeedItOpen(db)) {
    throwsCode(t, call, 'KimDBError', 'KIMDB_NOT_OPEN', /call init\(\) first/);
  }
  await rejectsCode(t, () => db.flush(), 'KimDBError', 'KIMDB_NOT_OPEN');
  t.is(db.shards.size, 0);
  t.deepEqual(filesIn(folder), []);
});

test('init returns the instance, twice is fine', (t) => {
  const db = new HyperScaleDB(pathsIn(useFolder(t)));
  t.teardown(() => db.close());
  t.true(db instanceof EventEmitter);
  t.is(db.init(), db);
  db.write('users', 'u1', 1);
  t.is(db.init(), db);
  t.is(db.read('users', 'u1').data, 1);
});

// write

test('write needs a known operation', (t) => {
  const db = openHyper(t);
  for (const operation of ['insert', 'DELETE', '', null, 0, {}, true]) {
    throwsCode(
      t,
      () => db.write('users', 'u1', 1, operation),
      'TypeError',
      'KIMDB_INVALID_OPERATION',
      /'upsert' or 'delete', got/,
    );
  }
  t.is(db.getBufferSize(), 0);
});

test('write upserts', (t) => {
  const db = openHyper(t, manualFlush);
  t.deepEqual(db.write('users', 'user123', { name: 'Kim' }, 'upsert'), { id: 'user123', buffered: true });
  t.deepEqual(db.write('users', 'user124', { name: 'Lee' }), { id: 'user124', buffered: true });
  t.deepEqual(db.write('users', 'user125', { name: 'Park' }, undefined), { id: 'user125', buffered: true });
  const expected = { id: 'user123', data: { name: 'Kim' }, _version: 1, _buffered: true };
  t.deepEqual(db.read('users', 'user123'), expected);
  t.is(db.getBufferSize(), 3);
});

test('write deletes, whatever the data', (t) => {
  const db = openHyper(t, manualFlush);
  for (const data of [null, undefined, 1n, { name: 'Kim' }]) {
    db.write('users', 'user123', 1);
    t.deepEqual(db.write('users', 'user123', data, 'delete'), { id: 'user123', buffered: true });
    t.is(db.read('users', 'user123'), null);
  }
});

test('write blocks while the log is full, and loses nothing', async (t) => {
  const db = openHyper(t, { walSize: 2 ** 20 });
  const text = 'x'.repeat(10_000);
  for (let i = 0; i < 1000; i++) db.write('big', `b${i}`, { i, text });
  await db.flush();
  t.is(rowsOf(db, 'big').length, 1000);
});

// writeSync

test('writeSync writes to the disk', (t) => {
  const db = openHyper(t, manualFlush);
  t.deepEqual(db.writeSync('users', 'u1', { name: 'Kim' }), { id: 'u1', synced: true });
  t.like(db.read('users', 'u1'), { id: 'u1', data: { name: 'Kim' }, _version: 1 });
  db.write('users', 'u1', 2);
  db.writeSync('users', 'u1', 3);
  db.flushSync();
  t.deepEqual(db.read('users', 'u1'), { id: 'u1', data: 3, _version: 3 });
});

// read

test('read takes only a boolean for sync', (t) => {
  const db = openHyper(t);
  for (const sync of [1, 'true', {}]) {
    throwsCode(t, () => db.read('users', 'u1', { sync }), 'TypeError', 'KIMDB_INVALID_OPTION', /'sync'/);
  }
  for (const options of [true, 1, 'sync', []]) {
    throwsCode(
      t,
      () => db.read('users', 'u1', options),
      'TypeError',
      'KIMDB_INVALID_OPTION',
      /must be an object/,
    );
  }
});

test('read gives a document or null', (t) => {
  const db = openHyper(t, manualFlush);
  t.is(db.read('users', 'nobody'), null);
  db.write('users', 'user123', 1);
  const buffered = { id: 'user123', data: 1, _version: 1, _buffered: true };
  for (const options of [undefined, null, {}, { sync: false }, { sync: undefined }]) {
    t.deepEqual(db.read('users', 'user123', options), buffered);
  }
});

test('read with sync flushes first', (t) => {
  const db = openHyper(t, manualFlush);
  db.write('users', 'user123', 1);
  t.deepEqual(db.read('users', 'user123', { sync: true }), { id: 'user123', data: 1, _version: 1 });
  t.is(db.getBufferSize(), 0);
});

// flush, flushSync

test('flush is a promise', async (t) => {
  const db = openHyper(t, manualFlush);
  db.write('users', 'u1', 1);
  const promise = db.flush();
  t.true(promise instanceof Promise);
  t.is(await promise, undefined);
  t.is(db.getBufferSize(), 0);
});

test('flushSync empties the buffer', (t) => {
  const db = openHyper(t, manualFlush);
  for (let i = 0; i < 2500; i++) db.write('users', `u${i}`, i);
  t.is(db.getBufferSize(), 2500);
  t.is(db.flushSync(), undefined);
  t.is(db.getBufferSize(), 0);
  t.is(rowsOf(db, 'users').length, 2500);
});

// writeBatch is in batches.test.mjs, events in events.test.mjs.

// getStats, stats

test('getStats and stats are the same counters', (t) => {
  const db = openHyper(t, manualFlush);
  db.write('users', 'u1', 1);
  t.like(db.getStats(), { bufferedWrites: 1, walWrites: 1, bufferSize: 1, shardCount: 8, safeMode: true });
  // The age of the write goes on between the two calls, and its log may be synced.
  const { oldestAge, syncs, syncTime, ...counters } = db.stats;
  const { oldestAge: later, syncs: syncsLater, syncTime: timeLater, ...same } = db.getStats();
  t.deepEqual(counters, same);
  t.true(oldestAge >= 0 && oldestAge <= later, `${oldestAge} ms, then ${later} ms`);
  t.true(syncs <= syncsLater && syncTime.count <= timeLater.count);
});

// getShardIndex, files

test('getShardIndex is the MD5 of the id modulo the number of shards', (t) => {
  for (const shardCount of [1, 3, 8]) {
    const db = openHyper(t, { shardCount });
    for (const key of ['user123', 'u1', '사용자', '', 'x'.repeat(1000), 42].filter((key) => key !== '')) {
      const hash = createHash('md5').update(String(key)).digest();
      t.is(db.getShardIndex(key), hash.readUInt32BE(0) % shardCount);
    }
  }
});

test('each document is in the file of its shard', (t) => {
  const folder = useFolder(t);
  const db = openHyper(t, { ...pathsIn(folder), shardCount: 3 });
  for (let i = 0; i < 60; i++) db.write('users', `u${i}`, i);
  db.flushSync();
  let found = 0;
  for (const [index, shard] of db.shards) {
    t.is(basename(shard.name), `test_shard${index}.db`);
    for (const { id } of shard.prepare('SELECT id FROM users').all()) {
      t.is(db.getShardIndex(id), index);
      found++;
    }
  }
  t.is(found, 60);
  for (let i = 0; i < 3; i++) t.true(filesIn(folder).includes(`test_shard${i}.db`));
});

// readCache

test('readCache can be cleared', (t) => {
  const db = openHyper(t);
  for (let i = 0; i < 10; i++) db.write('users', `u${i}`, i);
  db.flushSync();
  for (let i = 0; i < 10; i++) db.read('users', `u${i}`);
  t.is(db.readCache.size, 10);
  t.is(db.getStats().cacheSize, 10);
  t.is(db.readCache.clear(), undefined);
  t.is(db.readCache.size, 0);
  t.is(db.read('users', 'u1').data, 1);
});

// close

test('calls after close fail', async (t) => {
  const db = openHyper(t);
  const shard = db.shards.get(0);
  db.close();
  db.close();
  for (const call of callsThatNeedItOpen(db)) throwsCode(t, call, 'KimDBError', 'KIMDB_CLOSED');
  await rejectsCode(t, () => db.flush(), 'KimDBError', 'KIMDB_CLOSED');
  throwsCode(t, () => db.init(), 'KimDBError', 'KIMDB_CLOSED');
  throwsCode(t, () => shard.prepare('SELECT 1').get(), 'KimDBError', 'KIMDB_CLOSED');
  t.is(db.config.shardCount, 8);
});

test('close before init is fine, and forbids opening', (t) => {
  const folder = useFolder(t);
  const db = new HyperScaleDB(pathsIn(folder));
  t.is(db.close(), undefined);
  throwsCode(t, () => db.init(), 'KimDBError', 'KIMDB_CLOSED');
  t.deepEqual(filesIn(folder), []);
});

test('Symbol.dispose and Symbol.asyncDispose close', async (t) => {
  for (const symbol of [Symbol.dispose, Symbol.asyncDispose]) {
    const db = openHyper(t, manualFlush);
    db.write('users', 'u1', 1);
    await db[symbol]();
    throwsCode(t, () => db.getStats(), 'KimDBError', 'KIMDB_CLOSED');
    await new HyperScaleDB()[symbol]();
  }
});
