// Writes the next number whenever it is asked to, and tells it.

import { parentPort, workerData } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';

const db = new SimpleDB(workerData.options);
for (let n = 1; n <= 100; n++) {
  await db.set('users', 'u1', n);
  const asked = new Promise((resolve) => parentPort.once('message', resolve));
  parentPort.postMessage(n);
  await asked;
}
db.close();
