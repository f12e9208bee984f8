// The SQLite files of the shards, as `db.shards` and other programs see them.

import { constants } from 'node:buffer';
import test from 'ava';
import { openHyper, rowsOf } from './helpers/database.mjs';
import { throwsCode } from './helpers/errors.mjs';

test('a handle for each, by index', (t) => {
  const db = openHyper(t, { shardCount: 3 });
  t.true(db.shards instanceof Map);
  t.deepEqual([...db.shards.keys()], [0, 1, 2]);
});

test('wrong queries and values are refused', (t) => {
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
    // biome-ignore lint/suspicious/noSparseArray: that is what is tested
    throwsCode(t, () => shard.prepare('SELECT ?').all([,]), 'TypeError', 'KIMDB_INVALID_QUERY');
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

test('options of pragma are checked', (t) => {
  const shard = openHyper(t, { shardCount: 1 }).shards.get(0);
  for (const options of [5, 'simple', { simple: 1 }, { simple: 'true' }]) {
    throwsCode(t, () => shard.pragma('user_version', options), 'TypeError', 'KIMDB_INVALID_OPTION');
  }
  for (const options of [undefined, null, {}, { simple: false }, { simple: null }]) {
    t.true(Array.isArray(shard.pragma('journal_mode', options)));
  }
  t.is(shard.pragma('journal_mode', { simple: true }), 'wal');
});

test('nothing can be written through a handle', (t) => {
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

test('a pragma cannot open a handle for writing', (t) => {
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

test('columns come in the order of the query', (t) => {
  const shard = openHyper(t, { shardCount: 1 }).shards.get(0);
  t.deepEqual(Object.keys(shard.prepare('SELECT 1 AS z, 2 AS a, 3 AS m').get()), ['z', 'a', 'm']);
});

test('all and get give rows as objects', (t) => {
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

test('get goes no further than the first row', (t) => {
  const shard = openHyper(t, { shardCount: 1 }).shards.get(0);
  const query = shard.prepare('SELECT abs(column1) AS a FROM (VALUES (-1), (-9223372036854775807 - 1))');
  t.deepEqual(query.get(), { a: 1 });
  throwsCode(t, () => query.all(), 'KimDBError', 'KIMDB_SQL', /overflow/);
  t.deepEqual(query.get(), { a: 1 });
  const endless =
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i > ?';
  t.deepEqual(shard.prepare(endless).get(5), { i: 6 });
});

test('a column may have any name', (t) => {
  const shard = openHyper(t, { shardCount: 1 }).shards.get(0);
  const row = shard.prepare('SELECT 1 AS __proto__, 2 AS "", 3 AS "1", 4 AS toString, 5 AS n, 6 AS n').get();
  t.deepEqual(Object.entries(row), [
    ['1', 3],
    ['__proto__', 1],
    ['', 2],
    ['toString', 4],
    ['n', 6],
  ]);
  t.is(Object.getPrototypeOf(row), Object.prototype);
});

test('every type of value comes through', (t) => {
  const shard = openHyper(t, { shardCount: 1 }).shards.get(0);
  const query = shard.prepare('SELECT ? AS a, ? AS b, ? AS c, ? AS d, typeof(?2) AS type');
  t.deepEqual(query.get('사용자', 1.5, null, -7), { a: '사용자', b: 1.5, c: null, d: -7, type: 'real' });
  t.is(shard.prepare('SELECT typeof(?) AS type').get(7).type, 'integer');
  t.is(shard.prepare('SELECT ? = 9007199254740993 AS same').get(9007199254740993n).same, 1);
});

test('pragma gives rows or one value', (t) => {
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

test('a text that no JavaScript string holds is refused', (t) => {
  const shard = openHyper(t).shards.get(0);
  const query = shard.prepare("SELECT printf('%.*c', 1 + ?, 'x') AS text");
  for (const read of ['all', 'get']) {
    const error = t.throws(() => query[read](constants.MAX_STRING_LENGTH));
    t.is(error.code, 'KIMDB_TOO_LARGE', error.message);
  }
  t.deepEqual(query.get(2), { text: 'xxx' });
});
