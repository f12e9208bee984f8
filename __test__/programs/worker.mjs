// What the workers of workers.test.mjs do.

import { parentPort, workerData } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';

const { options, job, index } = workerData;
const db = new SimpleDB(options);

const jobs = {
  async exchange() {
    await db.set('users', 'worker', 'from worker');
    parentPort.postMessage({ read: (await db.get('users', 'main'))?.data });
    db.close();
  },
  async close() {
    for (let i = 0; i < 100; i++) await db.set('users', `u${i}`, i);
    db.close();
  },
  async forget() {
    for (let i = 0; i < 100; i++) await db.set('users', `u${i}`, i);
  },
  async write() {
    for (let i = 0; i < 2000; i++) {
      await db.set('users', `${index}-${i}`, i);
      await db.set('counters', 'shared', { index, i });
    }
    db.close();
  },
  async endless() {
    const text = 'x'.repeat(200);
    for (let i = 0; ; i++) {
      await db.set('endless', `${index}-${i}`, { i, text });
      if (i % 50 === 0) {
        parentPort.postMessage(i);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  },
};

await jobs[job]();
