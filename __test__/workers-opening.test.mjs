// Workers that are terminated in the middle of opening a database that others have open.

import { randomInt } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { openSimple, pathsIn, patiently, until, useFolder } from './helpers/database.mjs';
import { randomFrom } from './helpers/random.mjs';
import { canCount, files, threads } from './helpers/resources.mjs';

const WORKERS = 400;
const AT_A_TIME = 8;

const seed = Number(process.env.KIMDB_SEED ?? randomInt(2 ** 31));

test(`${WORKERS} workers that are terminated while they open hold nothing`, async (t) => {
  t.timeout(120_000);
  t.log(`KIMDB_SEED=${seed}`);
  const folder = useFolder(t);
  const options = { ...pathsIn(folder), shardCount: 2, walSize: 2 ** 20, logger: false };
  const random = randomFrom(seed);
  const opened = new Int32Array(new SharedArrayBuffer(WORKERS * Int32Array.BYTES_PER_ELEMENT));
  const db = openSimple(t, options);
  let next = 0;
  const lane = async () => {
    while (next < WORKERS) await endWhileOpening(t, { options, worker: next++, opened }, 1 + random(20));
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  t.true(opened.every((count) => count > 0));
  await db.setSync('main', 'm', 1);
  db.close();
  if (canCount) {
    await patiently(() => files(folder).inFolder.length === 0 && threads().ofEngine.length === 0);
    t.deepEqual(files(folder).inFolder, []);
    t.deepEqual(threads().ofEngine, []);
  }
  t.like(await openSimple(t, { ...options, exclusive: true }).get('main', 'm'), { data: 1 });
});

/** Terminates a worker once it has opened so many instances, while it opens the next. */
async function endWhileOpening(t, args, instances) {
  const worker = new Worker(new URL('./programs/open-again.mjs', import.meta.url), { workerData: args });
  let isOver = false;
  worker.on('error', (error) => t.fail(error.stack));
  worker.on('exit', () => {
    isOver = true;
  });
  await until(() => isOver || args.opened[args.worker] >= instances);
  await worker.terminate();
}
