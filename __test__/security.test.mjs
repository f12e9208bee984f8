// Collections, ids and documents from people nobody knows: whatever they hold, they are data. None of them names a
// file, reaches another collection, or changes an object of the program.

import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { filesIn, manualFlush, openSimple, pathsIn, rowsOf, useFolder } from './helpers/database.mjs';
import { rejectsCode, throwsCode } from './helpers/errors.mjs';

/** Texts that mean something to a file system, to SQLite, to JavaScript, or to the eye. `folder` may be written to. */
const texts = (folder) => [
  '../../stolen',
  '..\\..\\stolen',
  join(folder, 'stolen'),
  `file:${join(folder, 'stolen')}?mode=rwc`,
  ':memory:',
  '..',
  'test_shard0.db',
  'users\0',
  '\0',
  '"users"',
  'main.users',
  'temp.users',
  'users--',
  'users"; DROP TABLE users; --',
  "users'; DELETE FROM users; --",
  `x"; ATTACH '${join(folder, 'stolen')}' AS x; --`,
  `x' || load_extension('${join(folder, 'stolen')}') || '`,
  'sqlite_schema',
  'sqlite_sequence',
  'sqlite_temp_master',
  'dbstat',
  'pragma_table_info',
  'json_each',
  '_kimdb_log',
  '_kimdb_meta',
  '_kimdb_collection',
  '_KIMDB_LOG',
  '_rowid_',
  '__proto__',
  'prototype',
  'hasOwnProperty',
  'valueOf',
  '\u00c5',
  '\u212b',
  'A\u030a',
  '\u212a',
  'K',
  '\u017f',
  '\u0130',
  'i\u0307',
  '\uff55\uff53\uff45\uff52\uff53',
  'users\u200b',
  '\u202eusers',
  '\ufeffusers',
];

/** A database two folders down, so that what climbs out of its own is seen. */
function useNested(t) {
  const outer = useFolder(t);
  const inner = join(outer, 'a', 'b');
  mkdirSync(inner, { recursive: true });
  const options = { ...pathsIn(inner), ...manualFlush, shardCount: 2 };
  const stayedInside = () => {
    t.deepEqual([filesIn(outer), readdirSync(join(outer, 'a'))], [['a'], ['b']]);
    const known = /^test(\.wal|\.lock|_shard[01]\.db(-wal|-shm)?)$/;
    t.deepEqual(
      filesIn(inner).filter((name) => !known.test(name)),
      [],
    );
  };
  return { outer, options, stayedInside };
}

test('a collection is never a path, a statement or a table of ours', async (t) => {
  const { outer, options, stayedInside } = useNested(t);
  const db = openSimple(t, options);
  const names = texts(outer);
  await db.set('users', 'admin', 'untouched');
  await db.flush();
  const before = rowsOf(db.db, '_kimdb_meta');
  for (const name of names) await db.set(name, 'admin', `of ${name}`);
  for (const name of names) await db.set(name, 'gone', 1);
  await db.flush();
  for (const name of names) await db.delete(name, 'gone');
  await db.flush();
  stayedInside();
  t.deepEqual(rowsOf(db.db, '_kimdb_meta'), before);
  for (const { log, applied } of rowsOf(db.db, '_kimdb_log')) {
    t.regex(log, /^[0-9a-f]{32}$/);
    t.is(typeof applied, 'number');
  }
  db.close();
  const again = openSimple(t, options);
  const all = async (name) => (await again.getAll(name)).map(({ id, data }) => [id, data]);
  for (const name of names) t.deepEqual(await all(name), [['admin', `of ${name}`]], JSON.stringify(name));
  t.deepEqual(await again.getAll('users'), [{ id: 'admin', data: 'untouched', _version: 1 }]);
});

test('an id is never a path or a statement, and one of a megabyte is like any other', async (t) => {
  const { outer, options, stayedInside } = useNested(t);
  const db = openSimple(t, options);
  const long = 'x'.repeat(2 ** 20);
  const ids = [...texts(outer), long, `${long}y`, `y${long}`];
  await db.set('users', 'admin', 'untouched');
  await db.setMany(
    'users',
    ids.map((id, i) => [id, i]),
  );
  for (const state of ['buffered', 'flushed']) {
    for (const [i, id] of ids.entries()) t.is((await db.get('users', id)).data, i, state);
    const many = await db.getMany('users', ids);
    t.true(many.every((document, i) => document.id === ids[i] && document.data === i));
    await db.flush();
    db.db.readCache.clear();
  }
  await db.deleteMany('users', ids);
  t.deepEqual(await db.getAll('users'), [{ id: 'admin', data: 'untouched', _version: 1 }]);
  stayedInside();
});

test('what is refused is told in a short sentence', async (t) => {
  const db = openSimple(t);
  const long = `${'x'.repeat(2 ** 20)}\ud800`;
  const name = await rejectsCode(t, () => db.set(long, 'id', 1), 'TypeError', 'KIMDB_INVALID_COLLECTION');
  const id = await rejectsCode(t, () => db.set('users', long, 1), 'TypeError', 'KIMDB_INVALID_ID');
  const sql = throwsCode(t, () => db.db.shards.get(0).prepare('').all(), 'TypeError', 'KIMDB_INVALID_QUERY');
  for (const error of [name, id, sql]) t.true(error.message.length < 300, error.message.slice(0, 400));
});

test('no document reaches a prototype', async (t) => {
  const db = openSimple(t, manualFlush);
  const json = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1}';
  const objectKeys = Object.getOwnPropertyNames(Object.prototype);
  const arrayKeys = Object.getOwnPropertyNames(Array.prototype);
  await db.set('__proto__', '__proto__', JSON.parse(json));
  await db.setMany('__proto__', [{ id: 'constructor', data: JSON.parse(`[${json}]`) }]);
  for (const state of ['buffered', 'flushed']) {
    const [first, second] = await db.getMany('__proto__', ['__proto__', 'constructor']);
    const all = await db.getAll('__proto__');
    for (const document of [
      first,
      await db.get('__proto__', '__proto__'),
      all.find(({ id }) => id === first.id),
    ]) {
      t.is(JSON.stringify(document.data), json, state);
      t.is(Object.getPrototypeOf(document.data), Object.prototype);
      t.is(Object.getPrototypeOf(document), Object.prototype);
    }
    t.is(JSON.stringify(second.data), `[${json}]`);
    await db.flush();
    db.db.readCache.clear();
  }
  t.is({}.polluted, undefined);
  t.deepEqual(Object.getOwnPropertyNames(Object.prototype), objectKeys);
  t.deepEqual(Object.getOwnPropertyNames(Array.prototype), arrayKeys);
});

test('a deep document comes back whole', async (t) => {
  const db = openSimple(t, manualFlush);
  let json = '1';
  for (let i = 0; i < 1000; i++) json = i % 2 ? `[${json}]` : `{"a":${json}}`;
  await db.set('users', 'deep', JSON.parse(json));
  await db.flush();
  db.db.readCache.clear();
  t.is(JSON.stringify((await db.get('users', 'deep')).data), json);
  t.is(JSON.stringify((await db.getMany('users', ['deep']))[0].data), json);
  t.is(JSON.stringify((await db.getAll('users'))[0].data), json);
});

test('a toJSON that calls the database', async (t) => {
  const db = openSimple(t, manualFlush);
  const inner = [];
  const calling = (own) => ({
    toJSON() {
      inner.push(db.set('users', 'same', 'inner'), db.set('others', own, 'inner'));
      inner.push(db.setMany('users', [[`many ${own}`, 'inner']]), db.get('users', 'same'));
      db.db.writeSync('users', `sync ${own}`, 'inner');
      db.flushSync();
      return `outer ${own}`;
    },
  });
  await db.set('users', 'same', calling('a'));
  await db.setSync('users', 'b', calling('b'));
  await db.setMany('users', [
    ['c', calling('c')],
    ['d', { nested: [calling('d')] }],
  ]);
  await Promise.all(inner);
  const read = async (id) => (await db.get('users', id))?.data;
  t.is(await read('same'), 'inner');
  t.is(await read('b'), 'outer b');
  t.is(await read('c'), 'outer c');
  t.deepEqual(await read('d'), { nested: ['outer d'] });
  for (const own of ['a', 'b', 'c', 'd']) {
    t.is(await read(`many ${own}`), 'inner');
    t.is(await read(`sync ${own}`), 'inner');
    t.is((await db.get('others', own)).data, 'inner');
  }
});

test('a toJSON that closes the database', async (t) => {
  for (const method of ['set', 'setSync', 'setMany']) {
    const options = { ...pathsIn(useFolder(t)), ...manualFlush };
    const db = openSimple(t, options);
    await db.set('users', 'before', 1);
    const data = { toJSON: () => db.close() ?? 'never stored' };
    const args = method === 'setMany' ? [[['after', data]]] : ['after', data];
    await rejectsCode(t, () => db[method]('users', ...args), 'KimDBError', 'KIMDB_CLOSED');
    const again = openSimple(t, options);
    t.deepEqual(await again.getAll('users'), [{ id: 'before', data: 1, _version: 1 }]);
  }
});

test('a batch that changes its own list while it is written', async (t) => {
  const db = openSimple(t, manualFlush);
  const written = async (collection, first, change) => {
    const entries = [
      ['b', 2],
      ['c', 3],
    ];
    entries.unshift(first(() => change(entries)));
    const results = await db.setMany(collection, entries);
    t.deepEqual(
      (await db.getAll(collection)).map(({ id }) => id).sort(),
      results.map(({ id }) => id),
    );
    return results.map(({ id }) => id).join('');
  };
  const longer = (entries) => entries.push(['d', 4]);
  const shorter = (entries) => entries.splice(1);
  const whileRead = (change) => ({
    id: 'a',
    get data() {
      return change() && 1;
    },
  });
  t.is(await written('read, longer', whileRead, longer), 'abcd');
  t.is(await written('read, shorter', whileRead, shorter), 'a');
  // The list was read before any of it becomes text.
  const whileMadeText = (change) => ['a', { toJSON: () => change() && 1 }];
  t.is(await written('text, longer', whileMadeText, longer), 'abc');
  t.is(await written('text, shorter', whileMadeText, shorter), 'abc');
});
