// The process that gets killed: opens, tells what is there, writes from several threads, and ends as it was told.

import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';
import { COLLECTIONS, digest, everyId, WRITERS } from '../helpers/operations.mjs';
import { write } from './torture-writer.mjs';

const orders = JSON.parse(process.argv[2]);
console.log('opening');
const db = new SimpleDB(orders.options);
writeFileSync(orders.found, JSON.stringify(await look()));
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

/** What is there, by 'collection/id', and what is wrong with it. */
async function look() {
  const documents = {};
  const faults = [];
  for (const collection of COLLECTIONS) {
    for (const { id, data, _version } of await db.getAll(collection, Number.POSITIVE_INFINITY)) {
      documents[`${collection}/${id}`] = digest(data, _version);
      if (/[^x]/.test(data.text)) faults.push(`${collection}/${id} holds other letters`);
    }
    for (const { id } of everyId()) {
      const read = await db.get(collection, id);
      const found = read === null ? undefined : digest(read.data, read._version);
      const listed = documents[`${collection}/${id}`];
      if (found !== listed) faults.push(`${collection}/${id}: get() finds ${found}, getAll() ${listed}`);
    }
  }
  for (const [index, shard] of db.db.shards) {
    const verdict = shard.pragma('integrity_check', { simple: true });
    if (verdict !== 'ok') faults.push(`shard ${index}: ${verdict}`);
  }
  return { documents, faults, recovered: db.stats().recoveredWrites };
}
