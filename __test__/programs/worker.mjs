// What the workers of workers.test.mjs do.

import { setImmediate as eventTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';

const { options, job, index, published, writes } = workerData;
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
  /** Writes its own document again and again, says so, and reads those of the others. */
  async race() {
    const seen = published.map(() => 0);
    for (let i = 1; i <= writes; i++) {
      await db.set('race', `w${index}`, i);
      Atomics.store(published, index, i);
      const other = (index + i) % published.length;
      const told = Atomics.load(published, other);
      const read = (await db.get('race', `w${other}`))?.data ?? 0;
      if (read < told) throw new Error(`${other} had written ${told} when ${index} read ${read}`);
      if (read < seen[other]) throw new Error(`${index} read ${seen[other]} of ${other}, and then ${read}`);
      seen[other] = read;
      if (i % 100 === 0) await eventTurn();
    }
    db.close();
  },
  /** Counts the writes that flushes tell of, until it is told to end. */
  async listen() {
    let flushed = 0;
    db.on('flush', ({ count }) => {
      flushed += count;
      parentPort.postMessage(flushed);
    });
    parentPort.on('message', () => {
      db.close();
      parentPort.close();
    });
    await db.set('users', `w${index}`, index);
    parentPort.postMessage('wrote');
  },
  /** Is always waiting for something. */
  async wait() {
    for (let i = 0; ; i++) {
      const id = `${index}-${i}`;
      await Promise.all([
        db.setSync('waiting', id, i),
        db.flush(),
        db.getAll('waiting'),
        db.getSync('waiting', id),
      ]);
      parentPort.postMessage(i);
    }
  },
  async endless() {
    const text = 'x'.repeat(200);
    for (let i = 0; ; i++) {
      await db.set('endless', `${index}-${i}`, { i, text });
      if (i % 50 === 0) {
        parentPort.postMessage(i);
        await eventTurn();
      }
    }
  },
};

await jobs[job]();
