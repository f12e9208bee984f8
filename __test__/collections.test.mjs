// Collections: any non-empty string is one, and no two share data.

import test from 'ava';
import { manualFlush, openHyper, openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { rejectsCode, throwsCode } from './helpers/errors.mjs';

const INVALID = 'KIMDB_INVALID_COLLECTION';

const NAMES = [
  'users',
  'Users',
  'USERS',
  'a-b',
  'ab',
  'AB',
  'a_b',
  'a b',
  ' ',
  '.',
  '-',
  '_',
  '사용자',
  '주문',
  '用户',
  '🙂',
  'é',
  'e\u0301',
  'order',
  'select',
  'table',
  'index',
  'group',
  '1st',
  '2',
  '-1',
  'x"; DROP TABLE',
  "it's",
  '[a]',
  '`a`',
  'a\0b',
  'a\nb',
  '%',
  '?',
  '/',
  '../up',
  'sqlite_master',
  'sqlite_x',
  'kimdb_meta',
  '_kimdb',
  'rowid',
  'id',
  'data',
  'constructor',
  '__proto__',
  'toString',
  'x'.repeat(300),
  '가'.repeat(300),
];

test('a collection must be a non-empty string', async (t) => {
  const db = openSimple(t);
  const calls = (name) => [
    () => db.set(name, 'id', 1),
    () => db.setSync(name, 'id', 1),
    () => db.get(name, 'id'),
    () => db.getSync(name, 'id'),
    () => db.delete(name, 'id'),
    () => db.getAll(name),
    () => db.getMany(name, ['id']),
    () => db.setMany(name, [['id', 1]]),
    () => db.setMany(name, []),
    () => db.deleteMany(name, ['id']),
  ];
  for (const name of [
    undefined,
    null,
    '',
    0,
    1,
    true,
    {},
    [],
    ['users'],
    () => 'users',
    Symbol('users'),
    1n,
  ]) {
    for (const call of calls(name)) await rejectsCode(t, call, 'TypeError', INVALID, /^collection must be /);
  }
  t.is(db.stats().bufferedWrites, 0);
});

test('HyperScaleDB throws the same at once', (t) => {
  const db = openHyper(t);
  for (const name of [undefined, null, '', 1, {}]) {
    throwsCode(t, () => db.write(name, 'id', 1), 'TypeError', INVALID);
    throwsCode(t, () => db.write(name, 'id', null, 'delete'), 'TypeError', INVALID);
    throwsCode(t, () => db.writeSync(name, 'id', 1), 'TypeError', INVALID);
    throwsCode(t, () => db.writeBatch(name, []), 'TypeError', INVALID);
    throwsCode(t, () => db.read(name, 'id'), 'TypeError', INVALID);
  }
});

test('half a surrogate pair is not text', async (t) => {
  const db = openSimple(t);
  for (const name of ['\ud800', 'a\udc00b', '\udc00\ud800']) {
    await rejectsCode(t, () => db.set(name, 'id', 1), 'TypeError', INVALID, /surrogate/);
    await rejectsCode(t, () => db.getAll(name), 'TypeError', INVALID, /surrogate/);
  }
});

test('a name has at most 65535 bytes', async (t) => {
  const db = openSimple(t);
  const longest = '가'.repeat(21845);
  await db.set(longest, 'id', 1);
  t.is((await db.getSync(longest, 'id')).data, 1);
  await rejectsCode(
    t,
    () => db.set(`${longest}x`, 'id', 1),
    'RangeError',
    INVALID,
    /65535 bytes long, got 65536/,
  );
});

test('a collection that nobody wrote to is empty', async (t) => {
  const db = openSimple(t);
  t.is(await db.get('nobody', 'id'), null);
  t.deepEqual(await db.getAll('nobody'), []);
  t.deepEqual(await db.getMany('nobody', ['a', 'b']), [null, null]);
  t.deepEqual(await db.delete('nobody', 'id'), { id: 'id', buffered: true });
  await db.flush();
});

test('no two names share data: buffered, flushed and reopened', async (t) => {
  const folder = useFolder(t);
  const options = { ...pathsIn(folder), ...manualFlush };
  const db = openSimple(t, options);
  const check = async (opened, state) => {
    for (const name of NAMES) {
      t.is((await opened.get(name, 'same'))?.data, `of ${name}`, `${state}: ${JSON.stringify(name)}`);
    }
  };
  for (const name of NAMES) await db.set(name, 'same', `of ${name}`);
  await check(db, 'buffered');
  await db.flush();
  db.db.readCache.clear();
  await check(db, 'flushed');
  for (const name of NAMES) {
    const all = await db.getAll(name);
    t.deepEqual(all, [{ id: 'same', data: `of ${name}`, _version: 1 }], `getAll of ${JSON.stringify(name)}`);
  }
  db.close();
  await check(openSimple(t, options), 'reopened');
});

test('deleting in one collection leaves the others', async (t) => {
  const db = openSimple(t, manualFlush);
  for (const name of NAMES) await db.set(name, 'same', name);
  await db.delete('a-b', 'same');
  await db.flush();
  for (const name of NAMES) {
    t.is((await db.get(name, 'same'))?.data, name === 'a-b' ? undefined : name);
  }
});

test('a name that is an ordinary table name is the name of its table', async (t) => {
  const db = openSimple(t, { shardCount: 1 });
  for (const name of ['users', 'Orders_2', '_x']) await db.set(name, 'id', { of: name });
  await db.flush();
  const shard = db.db.shards.get(0);
  for (const name of ['users', 'Orders_2', '_x']) {
    t.is(shard.prepare(`SELECT data FROM "${name}" WHERE id = 'id'`).get().data, `{"of":"${name}"}`);
  }
});

test('many collections at once', async (t) => {
  const db = openSimple(t, { shardCount: 2 });
  for (let i = 0; i < 300; i++) await db.set(`collection ${i % 100}`, `id${i}`, i);
  await db.flush();
  for (let i = 0; i < 100; i++) t.is((await db.getAll(`collection ${i}`)).length, 3);
});
