// What a batch stores of its documents, also where they run code, and pages of them.

import test from 'ava';
import fc from 'fast-check';
import { manualFlush, openHyper, openSimple, rowsOf } from './helpers/database.mjs';
import { rejectsCode } from './helpers/errors.mjs';

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

test.serial('what a program adds to all objects is no document of a list', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('users', 'u1', { a: 1 });
  const kept = [{ id: 'u1', data: 'stray', _version: 1 }];
  const read = await withMember(Object.prototype, 'kept', kept, () => db.getMany('users', ['u1']));
  t.deepEqual(read, [{ id: 'u1', data: { a: 1 }, _version: 1, _buffered: true }]);
});
