// Ends, in the way that it is told, while workers write.

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';

const WORKERS = 3;

if (isMainThread) await main(JSON.parse(process.argv[2]));
else await work(workerData);

async function main({ options, ending, count }) {
  const db = ending.includes('main has it open') ? new SimpleDB(options) : undefined;
  const workers = Array.from(
    { length: WORKERS },
    (_, index) => new Worker(new URL(import.meta.url), { workerData: { options, count, index } }),
  );
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
  if (ending.startsWith('exit in the main thread')) process.exit(7);
  if (ending.startsWith('exit in a worker')) {
    workers[0].postMessage('exit');
    const code = await new Promise((resolve) => workers[0].once('exit', resolve));
    if (code !== 5) throw new Error(`the worker ended with code ${code}`);
    await db?.set('writes', 'main', 'still here');
  }
  if (ending.startsWith('terminated')) await Promise.all(workers.map((worker) => worker.terminate()));
  if (ending.startsWith('close in the main thread')) db.close();
  // The workers that are left keep the process alive until they have ended.
  for (const worker of workers) worker.postMessage('stop');
}

async function work({ options, count, index }) {
  const db = new SimpleDB(options);
  for (let i = 0; i < count; i++) await db.set('writes', `${index}-${i}`, i);
  parentPort.postMessage('written');
  let goesOn = true;
  parentPort.once('message', (what) => {
    if (what === 'exit') process.exit(5);
    goesOn = false;
  });
  for (let i = 0; goesOn; i++) {
    db.set('later', `${index}-${i}`, i);
    if (i % 100 === 0) {
      db.setSync('later', `${index}-synced-${i}`, i);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
