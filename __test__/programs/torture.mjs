// The process that gets killed: opens, tells what is there, writes from several threads, and ends as it was told.

import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';
import { look } from '../helpers/look.mjs';
import { WRITERS } from '../helpers/operations.mjs';
import { write } from './torture-writer.mjs';

const orders = JSON.parse(process.argv[2]);
console.log('opening');
const db = new SimpleDB(orders.options);
writeFileSync(orders.found, JSON.stringify(await look(db)));
console.log('found');

const stop = new Int32Array(new SharedArrayBuffer(4));
const workers = orders.writeMs > 0 ? WRITERS.slice(1).map((_, i) => startWorker(i + 1)) : [];
const end = Date.now() + orders.writeMs;
await write(db, { ...orders, writer: 0, isOver: () => Date.now() >= end });
console.log('closing');
if (orders.ending === 'exit') process.exit(0);
Atomics.store(stop, 0, 1);
// Whichever thread closes last empties the log.
db.close();
await Promise.all(workers);
console.log('closed');

/** Resolves when the worker has ended. */
function startWorker(writer) {
  const worker = new Worker(new URL('./torture-writer.mjs', import.meta.url), {
    workerData: { ...orders, writer, stop },
  });
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', resolve);
  });
}
