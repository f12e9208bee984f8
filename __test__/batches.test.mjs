// setMany, getMany, deleteMany, writeBatch: one record each, all or nothing.

import test from 'ava';
import { manualFlush, openHyper, openSimple } from './helpers/database.mjs';
import { rejectsCode, throwsCode } from './helpers/errors.mjs';

const INVALID = 'KIMDB_INVALID_ENTRIES';

function* throwing() {
  yield ['u1', 1];
  throw new Error('mine');
}

test('batches need an iterable, and a string is none', async (t) => {
  const db = openSimple(t);
  for (const list of [undefined, null, 1, 'u1', true, {}, () => [], { u1: 1 }]) {
    await rejectsCode(
      t,
      () => db.setMany('users', list),
      'TypeError',
      INVALID,
      /^entries must be an array or another/,
    );
    await rejectsCode(
      t,
      () => db.getMany('users', list),
      'TypeError',
      INVALID,
      /^ids must be an array or another/,
    );
    await rejectsCode(
      t,
      () => db.deleteMany('users', list),
      'TypeError',
      INVALID,
      /^ids must be an array or another/,
    );
    throwsCode(
      t,
      () => db.db.writeBatch('users', list),
      'TypeError',
      INVALID,
      /^docs must be an array or another/,
    );
  }
});

test('an iterable that throws is the cause', async (t) => {
  const db = openSimple(t);
  const error = await rejectsCode(t, () => db.setMany('users', throwing()), 'TypeError', INVALID, /mine/);
  t.is(error.cause.message, 'mine');
  t.is(db.stats().bufferedWrites, 0);
});

test('an iterable that cannot be looked at is refused as one', async (t) => {
  const db = openSimple(t);
  const list = {
    get [Symbol.iterator]() {
      throw new Error('mine');
    },
  };
  const error = await rejectsCode(t, () => db.setMany('users', list), 'TypeError', INVALID, /mine/);
  t.is(error.cause.message, 'mine');
});

test('one wrong entry refuses the whole batch', async (t) => {
  const db = openSimple(t);
  const wrong = [
    [1, INVALID],
    [null, INVALID],
    ['u2', INVALID],
    [[], INVALID],
    [['u2'], INVALID],
    [['u2', 1, 1], INVALID],
    [{ id: 'u2' }, INVALID],
    [['u2', undefined], 'KIMDB_INVALID_DATA'],
    [['u2', { a: 1n }], 'KIMDB_INVALID_DATA'],
    [{ id: 'u2', data: () => 1 }, 'KIMDB_INVALID_DATA'],
    [[{}, 1], 'KIMDB_INVALID_ID'],
    [{ id: Number.NaN, data: 1 }, 'KIMDB_INVALID_ID'],
  ];
  for (const [entry, code] of wrong) {
    await rejectsCode(t, () => db.setMany('users', [['u1', 1], entry]), 'TypeError', code, /entries\[1\]/);
  }
  for (const entry of [1, null, 'u2', [], ['u2'], undefined]) {
    throwsCode(t, () => db.db.writeBatch('users', [['u1', 1], entry]), 'TypeError', INVALID, /docs\[1\]/);
  }
  throwsCode(
    t,
    () => db.db.writeBatch('users', [['u1', 1], { id: [], a: 1 }]),
    'TypeError',
    'KIMDB_INVALID_ID',
    /docs\[1\]/,
  );
  const holes = ['u1'];
  holes[2] = 'u2';
  await rejectsCode(t, () => db.deleteMany('users', holes), 'TypeError', 'KIMDB_INVALID_ID', /ids\[1\]/);
  t.is(db.stats().bufferedWrites, 0);
  t.is(await db.get('users', 'u1'), null);
});

test('empty batches write nothing', async (t) => {
  const db = openSimple(t);
  t.deepEqual(await db.setMany('users', []), []);
  t.deepEqual(await db.deleteMany('users', new Set()), []);
  t.deepEqual(await db.getMany('users', []), []);
  t.deepEqual(db.db.writeBatch('users', []), []);
  t.is(db.stats().bufferedWrites, 0);
});

test('setMany takes pairs and objects, from any iterable', async (t) => {
  const db = openSimple(t, manualFlush);
  const forms = [
    [
      ['a', 1],
      ['b', 2],
    ],
    [
      { id: 'a', data: 1 },
      { id: 'b', data: 2 },
    ],
    [['a', 1], { id: 'b', data: 2 }],
    new Map([
      ['a', 1],
      ['b', 2],
    ]),
    new Set([
      ['a', 1],
      ['b', 2],
    ]),
    Object.entries({ a: 1, b: 2 }),
    (function* () {
      yield ['a', 1];
      yield { id: 'b', data: 2 };
    })(),
  ];
  for (const [i, entries] of forms.entries()) {
    const collection = `form ${i}`;
    t.deepEqual(await db.setMany(collection, entries), [
      { id: 'a', buffered: true },
      { id: 'b', buffered: true },
    ]);
    t.deepEqual(await db.getMany(collection, ['b', 'a']), [
      { id: 'b', data: 2, _version: 1, _buffered: true },
      { id: 'a', data: 1, _version: 1, _buffered: true },
    ]);
  }
});

test('setMany takes null as data', async (t) => {
  const db = openSimple(t);
  await db.setMany('users', [['a', null], { id: 'b', data: null }]);
  t.deepEqual(
    (await db.getMany('users', ['a', 'b'])).map(({ data }) => data),
    [null, null],
  );
});

test('one id twice in a batch: the last wins, both count', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.setMany('users', [
    ['a', 1],
    ['a', 2],
  ]);
  t.like(await db.get('users', 'a'), { data: 2, _version: 2 });
  await db.flush();
  t.like(await db.get('users', 'a'), { data: 2, _version: 2 });
});

test('getMany gives documents in the order of the ids, from wherever they are', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.setMany('users', [
    ['cached', 1],
    ['shard', 2],
    ['rewritten', 3],
    ['gone', 4],
  ]);
  await db.flush();
  db.db.readCache.clear();
  await db.get('users', 'cached');
  await db.set('users', 'rewritten', 33);
  await db.delete('users', 'gone');
  await db.set('users', 5, 'five');
  t.deepEqual(await db.getMany('users', ['gone', 'rewritten', 'nobody', 'shard', 5, 'cached', 'shard']), [
    null,
    { id: 'rewritten', data: 33, _version: 2, _buffered: true },
    null,
    { id: 'shard', data: 2, _version: 1 },
    { id: '5', data: 'five', _version: 1, _buffered: true },
    { id: 'cached', data: 1, _version: 1 },
    { id: 'shard', data: 2, _version: 1 },
  ]);
});

test('getMany of ids and data that need escaping', async (t) => {
  const db = openSimple(t, manualFlush);
  const ids = ['"', '\\', '\n', '사용자', '🙂', 'a\0b', '\u2028'];
  await db.setMany(
    'texts',
    ids.map((id) => [id, { [id]: id }]),
  );
  const check = async () => {
    const found = await db.getMany('texts', ids);
    t.deepEqual(
      found.map(({ id, data }) => [id, data]),
      ids.map((id) => [id, { [id]: id }]),
    );
  };
  await check();
  await db.flush();
  db.db.readCache.clear();
  await check();
});

test('deleteMany deletes', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.setMany('users', [
    ['a', 1],
    ['b', 2],
    ['c', 3],
    [4, 4],
  ]);
  t.deepEqual(await db.deleteMany('users', ['a', 'nobody', 4]), [
    { id: 'a', buffered: true },
    { id: 'nobody', buffered: true },
    { id: '4', buffered: true },
  ]);
  const left = async () =>
    (await db.getMany('users', ['a', 'b', 'c', '4'])).map((document) => document?.data ?? null);
  t.deepEqual(await left(), [null, 2, 3, null]);
  await db.flush();
  t.deepEqual(await left(), [null, 2, 3, null]);
  t.is((await db.getAll('users')).length, 2);
});

test('writeBatch takes documents with their id among their fields too', (t) => {
  const db = openHyper(t, manualFlush);
  const results = db.writeBatch('users', [
    { id: 'a', data: { name: 'Kim' } },
    { id: 'b', name: 'Lee' },
    ['c', { name: 'Park' }],
    { id: 'd', data: undefined, name: 'Choi' },
    { id: 'e', data: null },
  ]);
  t.deepEqual(
    results.map(({ id, buffered }) => [id, buffered]),
    [...'abcde'].map((id) => [id, true]),
  );
  const data = [...'abcde'].map((id) => db.read('users', id).data);
  const expected = [
    { name: 'Kim' },
    { id: 'b', name: 'Lee' },
    { name: 'Park' },
    { id: 'd', name: 'Choi' },
    null,
  ];
  t.deepEqual(data, expected);
});
