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
  for (const options of [true, 1, 'sync']) {
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
  // The age of the write goes on between the two calls.
  const { oldestAge, ...counters } = db.stats;
  const { oldestAge: later, ...same } = db.getStats();
  t.deepEqual(counters, same);
  t.true(oldestAge >= 0 && oldestAge <= later, `${oldestAge} ms, then ${later} ms`);
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

// shards

test('shards: a handle for each, by index', (t) => {
  const db = openHyper(t, { shardCount: 3 });
  t.true(db.shards instanceof Map);
  t.deepEqual([...db.shards.keys()], [0, 1, 2]);
});

test('shards: wrong queries and values are refused', (t) => {
  const shard = openHyper(t, { shardCount: 1 }).shards.get(0);
  for (const sql of [undefined, null, '', 1, {}]) {
    throwsCode(t, () => shard.prepare(sql), 'TypeError', 'KIMDB_INVALID_QUERY');
    throwsCode(t, () => shard.pragma(sql), 'TypeError', 'KIMDB_INVALID_QUERY');
  }
  for (const value of [true, undefined, {}, () => 1, Symbol('x'), new Uint8Array(1)]) {
    throwsCode(
      t,
      () => shard.prepare('SELECT ?').get(value),
      'TypeError',
      'KIMDB_INVALID_QUERY',
      /^parameter 1 must be/,
    );
  }
  for (const value of [2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n]) {
    throwsCode(
      t,
      () => shard.prepare('SELECT ?').get(value),
      'RangeError',
      'KIMDB_INVALID_QUERY',
      /must fit 64 bits/,
    );
  }
  const text = 'SELECT CAST(? AS TEXT) AS text';
  for (const value of [2n ** 63n - 1n, -(2n ** 63n)]) {
    t.deepEqual(shard.prepare(text).get(value), { text: String(value) });
  }
  for (const sql of [
    'SELEC 1',
    'SELECT * FROM nothing',
    'SELECT 1; SELECT 2',
    'SELECT ?',
    ' ',
    ';',
    '-- 1',
    '/* */',
  ]) {
    throwsCode(t, () => shard.prepare(sql).all(), 'KimDBError', 'KIMDB_SQL');
  }
  throwsCode(t, () => shard.prepare('SELECT 1').all(1), 'KimDBError', 'KIMDB_SQL');
});

test('shards: nothing can be written through a handle', (t) => {
  const db = openHyper(t, { shardCount: 1 });
  db.write('users', 'u1', 1);
  db.flushSync();
  const shard = db.shards.get(0);
  for (const sql of [
    'DELETE FROM users',
    'DROP TABLE users',
    'CREATE TABLE t (x)',
    "UPDATE users SET data = '2'",
  ]) {
    throwsCode(t, () => shard.prepare(sql).all(), 'KimDBError', 'KIMDB_SQL');
  }
  t.is(db.read('users', 'u1').data, 1);
  t.is(shard.prepare('SELECT count(*) AS c FROM users').get().c, 1);
});

test('shards: a pragma cannot open a handle for writing', (t) => {
  const db = openHyper(t, { shardCount: 1 });
  db.write('users', 'u1', 1);
  db.flushSync();
  const shard = db.shards.get(0);
  for (const text of [
    'query_only = 0',
    'query_only(0)',
    'writable_schema = 1',
    'user_version = 5',
    'journal_mode = delete',
  ]) {
    try {
      shard.pragma(text);
    } catch (error) {
      t.is(error.code, 'KIMDB_SQL', text);
    }
  }
  throwsCode(t, () => shard.prepare('DELETE FROM users').all(), 'KimDBError', 'KIMDB_SQL');
  t.is(shard.pragma('user_version', { simple: true }), 0);
  t.is(shard.pragma('journal_mode', { simple: true }), 'wal');
  db.readCache.clear();
  t.is(db.read('users', 'u1').data, 1);
});

test('shards: columns come in the order of the query', (t) => {
  const shard = openHyper(t, { shardCount: 1 }).shards.get(0);
  t.deepEqual(Object.keys(shard.prepare('SELECT 1 AS z, 2 AS a, 3 AS m').get()), ['z', 'a', 'm']);
});

test('shards: all and get give rows as objects', (t) => {
  const db = openHyper(t, { shardCount: 1 });
  for (let i = 0; i < 3; i++) db.write('users', `u${i}`, { i });
  db.flushSync();
  const shard = db.shards.get(0);
  const tables = shard.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  t.true(tables.some(({ name }) => name === 'users'));
  t.deepEqual(shard.prepare('SELECT COUNT(*) as c FROM users').get(), { c: 3 });
  const query = shard.prepare('SELECT id, data FROM users WHERE id > ? ORDER BY id LIMIT ?');
  const rows = [
    { id: 'u1', data: '{"i":1}' },
    { id: 'u2', data: '{"i":2}' },
  ];
  t.deepEqual(query.all('u0', 10), rows);
  t.deepEqual(query.all(['u0', 10]), rows);
  t.deepEqual(query.get('u0', 10), rows[0]);
  t.is(query.get('u9', 10), undefined);
  t.deepEqual(query.all('u9', 10), []);
});

test('shards: every type of value comes through', (t) => {
  const shard = openHyper(t, { shardCount: 1 }).shards.get(0);
  const query = shard.prepare('SELECT ? AS a, ? AS b, ? AS c, ? AS d, typeof(?2) AS type');
  t.deepEqual(query.get('사용자', 1.5, null, -7), { a: '사용자', b: 1.5, c: null, d: -7, type: 'real' });
  t.is(shard.prepare('SELECT typeof(?) AS type').get(7).type, 'integer');
  t.is(shard.prepare('SELECT ? = 9007199254740993 AS same').get(9007199254740993n).same, 1);
});

test('shards: pragma gives rows or one value', (t) => {
  const shard = openHyper(t, { shardCount: 1 }).shards.get(0);
  t.deepEqual(shard.pragma('journal_mode'), [{ journal_mode: 'wal' }]);
  t.is(shard.pragma('journal_mode', { simple: true }), 'wal');
  t.is(shard.pragma('integrity_check', { simple: true }), 'ok');
});

test('the tables have the schema of the original library', (t) => {
  const db = openHyper(t, { shardCount: 1 });
  db.write('users', 'u1', { name: '김' });
  db.write('users', 'u1', { name: 'Kim' });
  db.flushSync();
  const shard = db.shards.get(0);
  const columns = shard.pragma('table_info(users)');
  t.deepEqual(
    columns.map(({ name, type, pk }) => [name, type, pk]),
    [
      ['id', 'TEXT', 1],
      ['data', 'TEXT', 0],
      ['_version', 'INTEGER', 0],
      ['created_at', 'TEXT', 0],
      ['updated_at', 'TEXT', 0],
    ],
  );
  const row = shard.prepare('SELECT * FROM users').get();
  t.like(row, { id: 'u1', data: '{"name":"Kim"}', _version: 2 });
  for (const column of ['created_at', 'updated_at']) {
    t.regex(row[column], /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    const age = Date.now() - Date.parse(`${row[column].replace(' ', 'T')}Z`);
    t.true(age > -2000 && age < 60_000, `${column} is UTC`);
  }
});

test('created_at stays, updated_at follows', async (t) => {
  const db = openHyper(t, { shardCount: 1 });
  db.write('users', 'u1', 1);
  db.flushSync();
  const { created_at: created } = rowsOf(db, 'users')[0];
  await new Promise((resolve) => setTimeout(resolve, 1100));
  db.write('users', 'u1', 2);
  db.flushSync();
  const row = rowsOf(db, 'users')[0];
  t.is(row.created_at, created);
  t.true(row.updated_at > created);
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
