// Calls for steps.mjs, made by chance. Apart from it, because fast-check takes long to load.

import fc from 'fast-check';

export const COLLECTIONS = ['mixed', 'a-b', 'ab', 'AB', '사용자', 'order', '1st', 'x"; DROP TABLE'];
const IDS = [...Array.from({ length: 9 }, (_, i) => `k${i}`), '7', 7, "it's", '김'];

const collection = fc.constantFrom(...COLLECTIONS);
const id = fc.constantFrom(...IDS);
const ids = fc.array(id, { maxLength: 8 });
// A document of many letters is only their number until it is written.
const letters = (max) => fc.record({ letters: fc.nat(max) });
const data = fc.oneof(
  { weight: 20, arbitrary: fc.jsonValue({ stringUnit: 'binary', maxDepth: 3 }) },
  { weight: 20, arbitrary: letters(300) },
  { weight: 3, arbitrary: letters(60_000) },
  { weight: 1, arbitrary: letters(1_000_000) },
);
const entries = fc.array(fc.tuple(id, data), { maxLength: 8 });

const calls = {
  set: [50, { collection, id, data }],
  delete: [12, { collection, id }],
  setSync: [3, { collection, id, data }],
  write: [3, { collection, id, data }],
  setMany: [4, { collection, entries }],
  deleteMany: [3, { collection, ids }],
  writeBatch: [2, { collection, entries }],
  get: [8, { collection, id }],
  read: [8, { collection, id }],
  getSync: [1, { collection, id }],
  getMany: [3, { collection, ids }],
  getAll: [1, { collection }],
  flush: [1, {}],
  flushSync: [1, {}],
  settle: [2, {}],
};

/** One call. */
export const step = fc.oneof(
  ...Object.entries(calls).map(([call, [weight, fields]]) => ({
    weight,
    arbitrary: fc.record({ call: fc.constant(call), ...fields }),
  })),
);
