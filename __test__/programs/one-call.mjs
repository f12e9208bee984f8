// A worker that makes one kind of call again and again, until it is terminated. Counts in shared memory.

import { workerData } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';

const { options, call, done } = workerData;
const counts = new Int32Array(done);
const open = () => new SimpleDB(options);
let db = open();

const calls = {
  set: (i) => db.set('calls', `${i}`, i),
  setSync: (i) => db.setSync('calls', `${i}`, i),
  writeSync: (i) => db.db.writeSync('calls', `${i}`, i),
  async getAll(i) {
    await db.set('calls', `${i}`, i);
    return db.getAll('calls');
  },
  async flush(i) {
    await db.set('calls', `${i}`, i);
    return db.flush();
  },
  async flushSync(i) {
    await db.set('calls', `${i}`, i);
    db.flushSync();
  },
  async close(i) {
    await db.set('calls', `${i}`, i);
    db.close();
    db = open();
  },
};

for (let i = 0; ; i++) {
  await calls[call](i);
  Atomics.store(counts, 0, i + 1);
  if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
}
