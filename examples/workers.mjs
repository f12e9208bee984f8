// Worker threads that write to one database: they share its engine, so each sees at once what the others write.
//
//   node examples/workers.mjs
import { once } from 'node:events';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import SimpleDB from 'kimdb/hyperscale';

const WORKERS = 4;
const WRITES = 10_000;
// The same options everywhere; whoever comes first opens the files.
const db = new SimpleDB({ dbPath: './data/workers.db', walPath: './data/workers.wal' });

if (isMainThread) await main();
else await work(workerData.number);
db.close();

async function main() {
  const start = performance.now();
  const ends = Array.from({ length: WORKERS }, (_, number) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { number } });
    return once(worker, 'exit');
  });
  await Promise.all(ends);
  await db.flush();
  const seconds = (performance.now() - start) / 1000;

  const readings = await db.getAll('readings', Number.POSITIVE_INFINITY);
  console.log(`${readings.length} documents by ${WORKERS} workers in ${seconds.toFixed(2)} s`);
  const { _version } = await db.get('counters', 'shared');
  console.log(`one document that all of them wrote has version ${_version}`);
}

async function work(number) {
  for (let i = 0; i < WRITES; i++) {
    await db.set('readings', `${number}-${i}`, { sensor: number, value: Math.sin(i) });
    if (i % 100 === 0) await db.set('counters', 'shared', { last: number });
  }
}
