// Programs of calls, made by chance.

import fc from 'fast-check';

const COLLECTIONS = ['user-posts', 'userposts', 'Users', '사용자', 'order', '1st'];
const IDS = ['k1', 'k2', 'k3', 'k4', 'k5', '7', 7, 1.5, "it's", '김'];

const collection = fc.oneof({ weight: 8, arbitrary: fc.constant('users') }, fc.constantFrom(...COLLECTIONS));
const id = fc.constantFrom(...IDS);
const how = fc.constantFrom('set', 'write');
const anObject = fc.oneof(
  fc.record({ n: fc.nat(9) }),
  fc.constant({ when: new Date(0), gone: undefined, list: [1, null, 'x'] }),
);
const data = fc.oneof({ weight: 4, arbitrary: anObject }, fc.constantFrom(null, 1, 'text', true));
const one = { how, collection, id };

const calls = {
  set: [24, { ...one, data }],
  changed: [4, { ...one, data: anObject, call: fc.constant('set'), change: fc.constant(true) }],
  setSync: [6, { ...one, data }],
  delete: [10, one],
  get: [24, { ...one, change: fc.boolean() }],
  getSync: [4, one],
  getAll: [12, { collection, limit: fc.constantFrom(2, 3, 4, 5, 1000) }],
  flush: [5, {}],
  flushSync: [2, {}],
  clearCache: [5, {}],
  bufferSize: [3, {}],
  shardIndex: [2, { id }],
  stats: [6, {}],
  reopen: [2, {}],
  recount: [2, { call: fc.constant('reopen'), shardCount: fc.integer({ min: 1, max: 4 }) }],
  crash: [3, {}],
  intrude: [1, {}],
  files: [1, {}],
};

const step = fc.oneof(
  ...Object.entries(calls).map(([call, [weight, fields]]) => ({
    weight,
    arbitrary: fc.record({ call: fc.constant(call), ...fields }),
  })),
);

const settings = fc.record({
  shardCount: fc.integer({ min: 1, max: 4 }),
  batchSize: fc.constantFrom(2, 1000),
  safeMode: fc.constantFrom(true, true, true, false),
  syncReads: fc.constantFrom(false, false, false, true),
  isPlainPath: fc.constantFrom(false, false, true),
  isLogFolderMissing: fc.constantFrom(false, false, false, true),
});

/** `{ settings, steps }`. */
export const program = fc.record({
  settings,
  steps: fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }),
});
