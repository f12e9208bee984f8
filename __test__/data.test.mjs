// Documents: what cannot be one, what comes back.

import test from 'ava';
import { manualFlush, openHyper, openSimple, pathsIn, rowsOf, useFolder } from './helpers/database.mjs';
import { rejectsCode, throwsCode } from './helpers/errors.mjs';

const INVALID = 'KIMDB_INVALID_DATA';

function cycle() {
  const data = { user: { name: 'Kim', friends: [{}] } };
  data.user.friends[0].back = data.user;
  return data;
}

const FAULTS = [
  [undefined, /^data must be a value that JSON can hold, got undefined$/],
  [() => 1, /^data must be .*got a function$/],
  [Symbol('x'), /^data must be .*got Symbol\(x\)$/],
  [{ toJSON: () => undefined }, /^data must be .*toJSON/],
  [10n, /^data cannot be stored as JSON: it is a BigInt/],
  [{ count: 10n }, /^data\.count cannot be stored as JSON: it is a BigInt/],
  [{ user: { tags: [1, 2, 3, 10n] } }, /^data\.user\.tags\[3\] cannot/],
  [{ 'a b': { 'c"d': [Object(1n)] } }, /^data\["a b"\]\["c\\"d"\]\[0\] cannot/],
  [{ 이름: { $x_1: 1n } }, /^data\.이름\.\$x_1 cannot/],
  [[[], [[1n]]], /^data\[1\]\[0\]\[0\] cannot/],
  [cycle(), /^data\.user\.friends\[0\]\.back cannot be stored as JSON: it is a cycle, back to data\.user$/],
  [{ when: { toJSON: () => ({ value: 1n }) } }, /^data\.when\.value cannot/],
];

for (const [data, message] of FAULTS) {
  test(`refused: ${message.source}`, async (t) => {
    const db = openSimple(t);
    for (const method of ['set', 'setSync']) {
      await rejectsCode(t, () => db[method]('users', 'u1', data), 'TypeError', INVALID, message);
    }
    throwsCode(t, () => db.db.write('users', 'u1', data), 'TypeError', INVALID, message);
    throwsCode(t, () => db.db.writeSync('users', 'u1', data), 'TypeError', INVALID, message);
    const inBatch = new RegExp(message.source.replace(/(?<=^\^|back to )data/g, 'entries\\[1\\]\\.data'));
    await rejectsCode(
      t,
      () =>
        db.setMany('users', [
          ['u0', 0],
          ['u1', data],
        ]),
      'TypeError',
      INVALID,
      inBatch,
    );
    t.is(db.stats().bufferedWrites, 0);
    t.is(await db.get('users', 'u0'), null);
    t.is(await db.get('users', 'u1'), null);
  });
}

test('an object that occurs twice is no cycle', async (t) => {
  const db = openSimple(t);
  const shared = { x: 1 };
  await db.set('users', 'u1', { a: shared, b: [shared, shared] });
  t.deepEqual((await db.get('users', 'u1')).data, { a: { x: 1 }, b: [{ x: 1 }, { x: 1 }] });
});

test('what a toJSON() or a getter throws is the cause', async (t) => {
  const db = openSimple(t);
  const mine = new Error('mine');
  const thrower = () => {
    throw mine;
  };
  const data = [
    { a: [{ toJSON: thrower }] },
    Object.defineProperty({}, 'a', { get: thrower, enumerable: true }),
  ];
  for (const [i, message] of [
    /^data\.a\[0\] cannot be stored as JSON: mine$/,
    /^data\.a cannot .*: mine$/,
  ].entries()) {
    const error = await rejectsCode(t, () => db.set('users', 'u1', data[i]), 'TypeError', INVALID, message);
    t.is(error.cause, mine);
  }
});

test('data that is nested too deeply for JSON.stringify is refused, and no other', async (t) => {
  const db = openSimple(t, manualFlush);
  for (const depth of [1000, 200_000]) {
    let data = [];
    for (let i = 0; i < depth; i++) data = [data];
    for (const [id, document] of Object.entries({ list: data, object: { small: 1, data } })) {
      await db.set('small', 'x', {});
      let text;
      try {
        text = JSON.stringify(document);
      } catch {
        await rejectsCode(t, () => db.set('users', id, document), 'TypeError', INVALID, /nested too deeply/);
        continue;
      }
      await db.set('users', id, document);
      db.flushSync();
      t.is(rowsOf(db.db, 'users').find((row) => row.id === id).data, text);
    }
  }
});

test('data whose text no string can hold is too large', async (t) => {
  const db = openSimple(t);
  const data = { toJSON: () => 'x'.repeat(2 ** 30) };
  await rejectsCode(
    t,
    () => db.set('users', 'u1', data),
    'KimDBError',
    'KIMDB_TOO_LARGE',
    /^data is too large/,
  );
});

test('a refused write leaves the document as it was', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('users', 'u1', 'before');
  await rejectsCode(t, () => db.set('users', 'u1', 1n), 'TypeError', INVALID);
  t.deepEqual(await db.get('users', 'u1'), { id: 'u1', data: 'before', _version: 1, _buffered: true });
});

const VALUES = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  '',
  'text',
  '사용자 🙂',
  '\0\u0001\n"\\',
  '\u2028\u2029',
  [],
  {},
  [null, [[]]],
  { '': 1, 'a.b': 2, 'a b': 3, __proto_: 4, 사용자: { 이름: '김' } },
  'x'.repeat(100_000),
  { id: 'other', data: 1, _version: 9 },
];

test('what JSON can hold comes back: buffered, cached, read from the shard, reopened', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const db = openSimple(t, options);
  for (const [i, value] of VALUES.entries()) await db.set('values', `v${i}`, value);
  const check = async (opened, state) => {
    for (const [i, value] of VALUES.entries()) {
      t.deepEqual((await opened.get('values', `v${i}`)).data, value, `${state}: ${i}`);
    }
    const ids = VALUES.map((_, i) => `v${i}`);
    t.deepEqual(
      (await opened.getMany('values', ids)).map(({ data }) => data),
      VALUES,
      state,
    );
  };
  await check(db, 'buffered');
  await db.flush();
  await check(db, 'flushed');
  await check(db, 'cached');
  db.db.readCache.clear();
  await check(db, 'from the shard');
  const all = await db.getAll('values');
  for (const { id, data } of all) t.deepEqual(data, VALUES[Number(id.slice(1))]);
  t.is(all.length, VALUES.length);
  db.close();
  await check(openSimple(t, options), 'reopened');
});

test('JSON rules: undefined members are dropped, dates are text, half a surrogate pair survives', async (t) => {
  const db = openSimple(t, manualFlush);
  const data = {
    a: undefined,
    f() {},
    list: [undefined, () => 1, Number.NaN],
    when: new Date(0),
    half: '\ud800',
  };
  await db.set('values', 'v', data);
  const expected = { list: [null, null, null], when: '1970-01-01T00:00:00.000Z', half: '\ud800' };
  t.deepEqual((await db.get('values', 'v')).data, expected);
  await db.flush();
  db.db.readCache.clear();
  t.deepEqual((await db.get('values', 'v')).data, expected);
});

test('data is taken when set is called', async (t) => {
  const db = openSimple(t);
  const data = { name: 'Kim' };
  const promise = db.set('users', 'u1', data);
  data.name = 'Lee';
  await promise;
  data.name = 'Park';
  t.deepEqual((await db.get('users', 'u1')).data, { name: 'Kim' });
});

test('each read gives a fresh object', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('users', 'u1', { tags: [] });
  for (const state of ['buffered', 'flushed', 'cached']) {
    const first = await db.get('users', 'u1');
    first.data.tags.push('changed');
    t.deepEqual((await db.get('users', 'u1')).data, { tags: [] }, state);
    await db.flush();
  }
});

test('a document of 40 MB: buffered, flushed, reopened, beside small ones', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const db = openSimple(t, options);
  const text = '0123456789abcdef'.repeat(2_500_000);
  await db.set('big', 'small', 1);
  t.deepEqual(await db.set('big', 'b', { text }), { id: 'b', buffered: true });
  await db.set('big', 'small', 2);
  const isWhole = async (opened) => (await opened.get('big', 'b')).data.text === text;
  t.true(await isWhole(db));
  await db.flush();
  t.true(await isWhole(db));
  await db.setSync('big', 'b', { text, again: true });
  t.is((await db.get('big', 'b'))._version, 2);
  db.close();
  const again = openSimple(t, options);
  t.true(await isWhole(again));
  t.like(await again.get('big', 'small'), { data: 2, _version: 2 });
  t.is((await again.getAll('big')).length, 2);
});

test('a large document through the low-level calls', (t) => {
  const db = openHyper(t, { walSize: 2 ** 20 });
  const text = 'x'.repeat(3_000_000);
  t.deepEqual(db.write('big', 'b', text), { id: 'b', buffered: true });
  t.true(db.read('big', 'b').data === text);
  t.deepEqual(db.writeSync('big', 'b', `${text}y`), { id: 'b', synced: true });
  t.true(db.read('big', 'b').data === `${text}y`);
  db.writeBatch('big', [
    ['c', text],
    ['d', 1],
  ]);
  t.true(db.read('big', 'c').data === text);
  t.is(db.read('big', 'b')._version, 2);
});
