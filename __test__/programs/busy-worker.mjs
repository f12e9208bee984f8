// The worker of busy-exit.mjs: writes, says so, and writes on until it is told to stop.

import { parentPort, workerData } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';

const { options, count } = workerData;
const databases = options.map((each) => new SimpleDB(each));
for (let i = 0; i < count; i++) for (const db of databases) await db.set('worker', `${i}`, i);
parentPort.postMessage('written');

let goesOn = true;
parentPort.once('message', (what) => {
  if (what === 'throw') throw new Error('on purpose');
  goesOn = false;
});
for (let later = 0; goesOn; later++) {
  for (const db of databases) db.set('worker-later', `${later}`, later);
  if (later % 50 === 0) {
    databases[0].setSync('synced', `w${later}`, later);
    databases[1].getAll('worker', 10);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
