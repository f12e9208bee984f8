// Ids: what is one, what makes a new one.

import test from 'ava';
import { manualFlush, openHyper, openSimple } from './helpers/database.mjs';
import { rejectsCode, throwsCode } from './helpers/errors.mjs';

const INVALID = 'KIMDB_INVALID_ID';
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const WRONG = [
  true,
  {},
  [],
  ['id'],
  () => 'id',
  Symbol('id'),
  10n,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '\ud800',
  'a\udfff',
];

test('other types and broken text are refused', async (t) => {
  const db = openSimple(t);
  for (const id of WRONG) {
    for (const method of ['set', 'setSync', 'get', 'getSync', 'delete']) {
      await rejectsCode(
        t,
        () => db[method]('users', id, 1),
        'TypeError',
        INVALID,
        /^id must be a non-empty string or/,
      );
    }
    await rejectsCode(t, () => db.getMany('users', ['a', id]), 'TypeError', INVALID, /^ids\[1\] must be/);
    await rejectsCode(t, () => db.deleteMany('users', ['a', id]), 'TypeError', INVALID, /^ids\[1\] must be/);
    await rejectsCode(
      t,
      () =>
        db.setMany('users', [
          ['a', 1],
          [id, 1],
        ]),
      'TypeError',
      INVALID,
      /entries\[1\] must be/,
    );
  }
  t.is(db.stats().bufferedWrites, 0);
});

test('HyperScaleDB throws the same at once', (t) => {
  const db = openHyper(t);
  for (const id of WRONG) {
    throwsCode(t, () => db.write('users', id, 1), 'TypeError', INVALID);
    throwsCode(t, () => db.writeSync('users', id, 1), 'TypeError', INVALID);
    throwsCode(t, () => db.writeBatch('users', [{ id, data: 1 }]), 'TypeError', INVALID);
    throwsCode(t, () => db.read('users', id), 'TypeError', INVALID);
    throwsCode(t, () => db.getShardIndex(id), 'TypeError', INVALID);
  }
  t.is(db.getBufferSize(), 0);
});

test('reads and deletes need an id', async (t) => {
  const db = openSimple(t);
  for (const id of [undefined, null, '']) {
    for (const method of ['get', 'getSync', 'delete']) {
      await rejectsCode(t, () => db[method]('users', id), 'TypeError', INVALID);
    }
    await rejectsCode(t, () => db.getMany('users', [id]), 'TypeError', INVALID);
    await rejectsCode(t, () => db.deleteMany('users', [id]), 'TypeError', INVALID);
    throwsCode(t, () => db.db.read('users', id), 'TypeError', INVALID);
    throwsCode(t, () => db.db.write('users', id, null, 'delete'), 'TypeError', INVALID);
  }
});

test('null, undefined and an empty string make a new id', async (t) => {
  const db = openSimple(t, manualFlush);
  const results = [
    await db.set('users', null, 0),
    await db.set('users', undefined, 1),
    await db.set('users', '', 2),
    await db.setSync('users', null, 3),
    db.db.write('users', null, 4),
    db.db.writeSync('users', '', 5),
    ...(await db.setMany('users', [[null, 6], { data: 7 }])),
    ...db.db.writeBatch('users', [{ id: null, data: 8 }, { data: 9 }]),
  ];
  for (const [i, { id }] of results.entries()) {
    t.regex(id, UUID_V7);
    t.is((await db.get('users', id)).data, i);
  }
  t.is(new Set(results.map(({ id }) => id)).size, results.length);
});

test('new ids sort in the order in which they were made', async (t) => {
  const db = openSimple(t);
  const ids = [];
  for (let i = 0; i < 5000; i++) ids.push((await db.set('users', null, i)).id);
  t.deepEqual([...ids].sort(), ids);
  t.is(new Set(ids).size, ids.length);
});

test('a number is its decimal text', async (t) => {
  const db = openSimple(t, manualFlush);
  const texts = [
    [5, '5'],
    [0, '0'],
    [-0, '0'],
    [-7, '-7'],
    [1.5, '1.5'],
    [1e21, '1e+21'],
    [2 ** 53, '9007199254740992'],
  ];
  for (const [number, text] of texts) {
    t.deepEqual(await db.set('numbers', number, { text }), { id: text, buffered: true });
    t.is((await db.get('numbers', text)).id, text);
    t.deepEqual(await db.get('numbers', number), await db.get('numbers', text));
  }
  await db.flush();
  db.db.readCache.clear();
  for (const [number, text] of texts) t.deepEqual((await db.get('numbers', number)).data, { text });
  t.is((await db.getMany('numbers', [5, '5']))[0].id, '5');
  t.is(db.db.getShardIndex(5), db.db.getShardIndex('5'));
  t.deepEqual(await db.delete('numbers', 5), { id: '5', buffered: true });
  t.is(await db.get('numbers', '5'), null);
});

test('any text is an id of its own', async (t) => {
  const db = openSimple(t, manualFlush);
  const ids = [
    'a',
    'A',
    ' a',
    'a ',
    '사용자',
    '🙂',
    "'",
    '"',
    '--',
    'a\0b',
    'a\0c',
    '\n',
    '%',
    'é',
    'e\u0301',
    'null',
    'undefined',
    '__proto__',
    'x'.repeat(5000),
  ];
  for (const [i, id] of ids.entries()) await db.set('texts', id, i);
  const check = async () => {
    for (const [i, id] of ids.entries())
      t.deepEqual((await db.get('texts', id))?.data, i, JSON.stringify(id));
  };
  await check();
  await db.flush();
  db.db.readCache.clear();
  await check();
  const all = await db.getAll('texts');
  t.deepEqual(all.map(({ id }) => id).sort(), [...ids].sort());
});
