// One of the thousand workers of churn.test.mjs. Counts in shared memory what was acknowledged, which outlives it.

import { setImmediate } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';

const { options, worker, acknowledged, ending } = workerData;
const db = new SimpleDB(options);
const counts = new Int32Array(acknowledged);
const text = 'x'.repeat(500);

// Calls that return at once, wait for a promise, and block in the engine.
const calls = [
  (id, data) => db.set('churn', id, data),
  (id, data) => db.setMany('churn', [[id, data]]),
  (id, data) => db.db.write('churn', id, data),
  (id, data) => db.setSync('churn', id, data),
  (id, data) => db.db.writeSync('churn', id, data),
];
const reads = [
  () => db.get('churn', `${worker}-0`),
  () => db.flushSync(),
  () => db.getAll('churn', 10),
  () => db.flush(),
];

// A worker that is terminated writes until then.
const count = ending === 'terminate' ? Number.POSITIVE_INFINITY : 40;
for (let n = 0; n < count; n++) {
  await calls[(n + worker) % calls.length](`${worker}-${n}`, { n, text });
  Atomics.store(counts, worker, n + 1);
  if (n % 10 === worker % 10) await reads[(n + worker) % reads.length]();
  if (n % 20 === 0) await setImmediate();
}
if (ending === 'close') db.close();
if (ending === 'exit') process.exit();
if (ending === 'leave a promise') db.setSync('churn', `${worker}-last`, { text });
