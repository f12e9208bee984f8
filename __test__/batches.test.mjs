// setMany, getMany, deleteMany, writeBatch: one record each, all or nothing.

import test from 'ava';
import fc from 'fast-check';
import { manualFlush, openHyper, openSimple, pathsIn, rowsOf, useFolder } from './helpers/database.mjs';
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

test('a large batch is flushed, counted and reopened', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const db = openSimple(t, options);
  const entries = Array.from({ length: 50_000 }, (_, i) => [`u${i}`, { i }]);
  t.is((await db.setMany('users', entries)).length, 50_000);
  t.is((await db.get('users', 'u49999')).data.i, 49_999);
  await db.flush();
  t.is(db.stats().flushedWrites, 50_000);
  db.close();
  const again = openSimple(t, options);
  t.is((await again.getAll('users', Number.POSITIVE_INFINITY)).length, 50_000);
  const found = await again.getMany(
    'users',
    entries.map(([id]) => id),
  );
  t.true(found.every((document, i) => document.data.i === i && document._version === 1));
});

test('a batch larger than the log is in order with other writes', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush, walSize: 2 ** 20 };
  const db = openSimple(t, options);
  const text = 'x'.repeat(1000);
  const entries = Array.from({ length: 3000 }, (_, i) => [`u${i}`, { i, text }]);
  const before = db.set('users', 'u0', 'before');
  const batch = db.setMany('users', entries);
  const after = db.set('users', 'u1', 'after');
  t.is((await batch).length, 3000);
  await Promise.all([before, after]);
  db.db.writeBatch('users', entries.slice(2));
  t.like(await db.get('users', 'u0'), { data: { i: 0, text }, _version: 2 });
  t.like(await db.get('users', 'u1'), { data: 'after', _version: 2 });
  t.like(await db.get('users', 'u2'), { data: { i: 2, text }, _version: 2 });
  db.close();
  const again = openSimple(t, options);
  t.is((await again.getAll('users', Number.POSITIVE_INFINITY)).length, 3000);
  t.like(await again.get('users', 'u1'), { data: 'after', _version: 2 });
  t.like(await again.get('users', 'u2999'), { data: { i: 2999, text }, _version: 2 });
});

test('batches that fill the log again and again keep their order with other writes', async (t) => {
  const options = { ...pathsIn(useFolder(t)), walSize: 2 ** 20 };
  const db = openSimple(t, options);
  const text = 'x'.repeat(1000);
  const writes = [];
  for (let round = 0; round < 20; round++) {
    const entries = Array.from({ length: 300 }, (_, i) => [`u${i}`, { round, text }]);
    writes.push(db.setMany('users', entries), db.set('users', 'u0', { round, text: 'after' }));
  }
  t.like(await db.get('users', 'u0'), { data: { round: 19, text: 'after' }, _version: 40 });
  for (const result of await Promise.all(writes)) t.truthy(result);
  db.close();
  const again = openSimple(t, options);
  t.like(await again.get('users', 'u0'), { data: { round: 19, text: 'after' }, _version: 40 });
  t.like(await again.get('users', 'u299'), { data: { round: 19, text }, _version: 20 });
  t.is((await again.getAll('users', 1000)).length, 300);
});

/** Gives a prototype a member for as long as `work` runs. */
async function withMember(prototype, name, value, work) {
  Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  try {
    return await work();
  } finally {
    delete prototype[name];
  }
}

test('setMany stores each document as set does', async (t) => {
  const db = openSimple(t, manualFlush);
  const document = fc.oneof(
    fc.jsonValue(),
    fc.record({ at: fc.date({ noInvalidDate: true }), text: fc.string({ unit: 'binary' }) }),
    fc.constantFrom(
      { a: undefined, b: () => 1, c: Number.NaN, d: [undefined], '"},{"': '\\' },
      { toJSON: (key) => `key '${key}'` },
      new Map([[1, 2]]),
      Object.create(null),
      new Date(0),
      Object('text'),
      '\ud800',
      [[], [[]]],
    ),
  );
  const id = fc.string({ unit: 'binary', minLength: 1 });
  const entries = fc.uniqueArray(fc.tuple(id, document), { minLength: 1, selector: ([first]) => first });
  let round = 0;
  await fc.assert(
    fc.asyncProperty(entries, async (pairs) => {
      round += 1;
      const ids = pairs.map(([first]) => first);
      const results = await db.setMany(`many ${round}`, pairs);
      for (const [first, data] of pairs) await db.set(`one ${round}`, first, data);
      t.deepEqual(
        results,
        ids.map((first) => ({ id: first, buffered: true })),
      );
      t.deepEqual(await db.getMany(`many ${round}`, ids), await db.getMany(`one ${round}`, ids));
    }),
  );
});

/** Documents of which some are not the same alone as among others, in many pages. */
const mixed = (count) =>
  Array.from({ length: count }, (_, i) => {
    if (i % 1500 === 700) return [`u${i}`, { at: { toJSON: () => 'text' }, i }];
    if (i % 1500 === 800) return [`u${i}`, { toJSON: (key) => `key '${key}'` }];
    return [`u${i}`, i % 3000 < 500 ? { i, text: 'x'.repeat(400) } : { i }];
  });

test('batches of many pages', async (t) => {
  const db = openSimple(t, manualFlush);
  const pairs = mixed(20_000);
  await db.setMany('users', pairs);
  const ids = pairs.map(([id]) => id);
  const expected = pairs.map(([, data]) => JSON.parse(JSON.stringify(data)));
  t.deepEqual(
    (await db.getMany('users', ids)).map(({ data }) => data),
    expected,
  );
  db.flushSync();
  t.is((await db.getAll('users', Number.POSITIVE_INFINITY)).length, ids.length);
  await db.deleteMany('users', ids.slice(1));
  t.deepEqual(
    (await db.getAll('users')).map(({ id }) => id),
    ['u0'],
  );
});

test('a batch that fails in a later page writes nothing, and the next one is whole', async (t) => {
  const db = openSimple(t, manualFlush);
  const pairs = mixed(5000);
  await rejectsCode(
    t,
    () => db.setMany('users', [...pairs, ['last', { big: 1n }]]),
    'TypeError',
    'KIMDB_INVALID_DATA',
    /^entries\[5000\]\.data\.big cannot be stored/,
  );
  t.is(db.stats().bufferedWrites, 0);
  await db.setMany('users', [['u1', 1]]);
  t.is(db.stats().bufferedWrites, 1);
});

test('batches written by getters in the documents of batches', async (t) => {
  const db = openHyper(t, manualFlush);
  const nested = (depth, prefix) =>
    Array.from({ length: 300 }, (_, i) => {
      const id = `${prefix}.${i}`;
      if (i !== 200 || depth === 0) return [id, { id }];
      return [
        id,
        {
          get id() {
            db.writeBatch('c', nested(depth - 1, id));
            return id;
          },
        },
      ];
    });
  db.writeBatch('c', nested(2, 'x'));
  db.flushSync();
  const rows = rowsOf(db, 'c');
  t.is(rows.length, 900);
  for (const { id, data } of rows) t.is(data, JSON.stringify({ id }));
});

test('a document whose toJSON() gives none refuses the batch', async (t) => {
  const db = openSimple(t);
  const none = { toJSON: () => undefined };
  await rejectsCode(
    t,
    () =>
      db.setMany('users', [
        ['u1', 1],
        ['u2', none],
      ]),
    'TypeError',
    'KIMDB_INVALID_DATA',
    /entries\[1\]\.data/,
  );
  t.is(db.stats().bufferedWrites, 0);
});

test.serial('what a program adds to the prototypes of arrays and texts changes no batch', async (t) => {
  const db = openSimple(t);
  const pairs = [
    ['u1', { a: 1 }],
    ['u2', 'text'],
  ];
  const stray = () => 'stray';
  await withMember(Array.prototype, 'toJSON', stray, () => db.setMany('arrays', pairs));
  await withMember(String.prototype, 'toJSON', stray, () => db.setMany('texts', pairs));
  for (const name of ['arrays', 'texts']) {
    t.deepEqual(
      (await db.getMany(name, ['u1', 'u2'])).map(({ data }) => data),
      [{ a: 1 }, 'text'],
    );
  }
  await withMember(Array.prototype, 'toJSON', stray, () => db.deleteMany('arrays', ['u1', 'u2']));
  t.is(await db.get('arrays', 'u1'), null);
});
