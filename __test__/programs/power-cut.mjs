// Runs in a machine whose power is cut: opens, tells what is there, writes from several threads, closes.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';
import { pathsIn } from '../helpers/database.mjs';
import { look } from '../helpers/look.mjs';
import { WRITERS } from '../helpers/operations.mjs';
import { openReport, write } from './power-cut-writer.mjs';

const orders = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const say = (line) => console.log(`kimdb: ${line}`);
process.on('warning', (warning) => say(`problem: ${warning.code} ${warning.message}`));
removeOthers();
say('opening');
let db = open(orders.folder);
const found = await look(db);
writeFileSync(orders.found, JSON.stringify({ ...found, damaged: db.stats().damagedBytes }));
say('found');
if (orders.next) {
  db.close();
  db = open(orders.next);
}

const stop = new Int32Array(new SharedArrayBuffer(4));
const workers = orders.writeMs > 0 ? WRITERS.slice(1).map((_, i) => startWorker(i + 1)) : [];
const end = Date.now() + orders.writeMs;
await write(db, { ...orders, writer: 0, isOver: () => Date.now() >= end, onDurable: () => say('durable') });
Atomics.store(stop, 0, 1);
say('closing');
await Promise.all(workers);
db.close();
// Closing leaves everything on the disk.
for (const writer of WRITERS.keys()) openReport(orders.report, writer).allIsDurable();
say('closed');

function open(folder) {
  const opened = new SimpleDB(optionsIn(folder));
  opened.on('error', (error) => say(`problem: ${error.code} ${error.message}`));
  return opened;
}

function optionsIn(folder) {
  return { ...orders.options, ...pathsIn(folder) };
}

/** Databases that are done with. */
function removeOthers() {
  const disk = dirname(orders.folder);
  for (const name of readdirSync(disk))
    if (name !== 'lost+found' && join(disk, name) !== orders.folder)
      rmSync(join(disk, name), { recursive: true });
}

/** Resolves when the worker has ended. */
function startWorker(writer) {
  const options = optionsIn(orders.next ?? orders.folder);
  const worker = new Worker(new URL('./power-cut-writer.mjs', import.meta.url), {
    workerData: { ...orders, options, writer, stop },
  });
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', resolve);
  });
}
