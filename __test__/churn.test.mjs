// A thousand worker threads, some tens at a time, that open, write, and end in every way at random moments.

import { randomInt } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { SimpleDB } from 'kimdb/hyperscale';
import { openSimple, pathsIn, patiently, sleep, until, useFolder } from './helpers/database.mjs';
import { randomFrom } from './helpers/random.mjs';
import { canCount, files, residentMb, threads } from './helpers/resources.mjs';

const WORKERS = 1000;
const AT_A_TIME = 32;
const ROUNDS = 4;
const DATABASES = 4;
const ENDINGS = ['terminate', 'terminate', 'terminate', 'close', 'forget', 'exit', 'leave a promise'];

// What 500 workers may leave behind in memory: 200 KB each. Seen are 25 to 45 MB, of which the allocator and Node.js
// keep much for the next worker: it stops growing after some 1,500.
const MOST_GROWTH_MB = 100;

const seed = Number(process.env.KIMDB_SEED ?? randomInt(2 ** 31));

test.serial(`${WORKERS} workers leave what they wrote and nothing else`, async (t) => {
  t.timeout(240_000);
  t.log(`KIMDB_SEED=${seed}`);
  const folder = useFolder(t);
  const random = randomFrom(seed);
  const acknowledged = new SharedArrayBuffer(WORKERS * 4);
  const databases = Array.from({ length: DATABASES }, (_, i) => ({
    ...pathsIn(folder, `test${i}`),
    shardCount: 2,
    walSize: 2 ** 20,
    flushInterval: 5,
    logger: false,
  }));
  const run = (worker) =>
    runWorker(t, {
      worker,
      acknowledged,
      options: databases[worker % DATABASES],
      ending: ENDINGS[random(ENDINGS.length)],
      // Some while they start, the others while they write.
      after: random(3) === 0 ? { ms: random(1000) } : { writes: 1 + random(80) },
    });

  const seen = [];
  for (let round = 0; round < ROUNDS; round++) {
    // In every other round the workers alone open and close the databases.
    const held = round % 2 === 0 ? databases.map((options) => openSimple(t, options)) : [];
    await lanes(round * (WORKERS / ROUNDS), (round + 1) * (WORKERS / ROUNDS), run);
    for (const db of held) db.close();
    seen.push(await nothingIsLeft(t, folder, databases));
    t.log(`round ${round + 1}: ${JSON.stringify(seen.at(-1))}`);
  }
  if (canCount) staysBounded(t, seen);
  await everyWriteIsThere(t, databases, new Int32Array(acknowledged));
});

/** Runs workers from one number to another, some at a time. */
function lanes(from, to, run) {
  let next = from;
  const lane = async () => {
    while (next < to) await run(next++);
  };
  return Promise.all(Array.from({ length: AT_A_TIME }, lane));
}

/** Resolves when the worker has ended; an error in it fails the test. */
async function runWorker(t, { after, ...args }) {
  const worker = new Worker(new URL('./programs/churn.mjs', import.meta.url), { workerData: args });
  worker.on('error', (error) => t.fail(`worker ${args.worker}: ${error.stack}`));
  let isOver = false;
  const ended = new Promise((resolve) => {
    worker.on('exit', resolve);
  }).then(() => {
    isOver = true;
  });
  if (args.ending === 'terminate') {
    const counts = new Int32Array(args.acknowledged);
    if (after.ms !== undefined) await sleep(after.ms);
    else await until(() => isOver || counts[args.worker] >= after.writes);
    await worker.terminate();
  }
  await ended;
}

/** The engine's threads and files are gone, and its registry has no entry that other options would conflict with. */
async function nothingIsLeft(t, folder, databases) {
  for (const options of databases) {
    const walSize = 2 * options.walSize;
    t.notThrows(() => new SimpleDB({ ...options, walSize }).close());
  }
  if (!canCount) return undefined;
  await patiently(() => threads().ofEngine.length === 0 && files(folder).inFolder.length === 0);
  t.deepEqual(threads().ofEngine, []);
  t.deepEqual(files(folder).inFolder, []);
  return { threads: threads().count, files: files(folder).count, residentMb: residentMb() };
}

/** From the first round, when everything that is made once is there, and for memory from the first half on. */
function staysBounded(t, [first, half, , last]) {
  t.true(last.threads <= first.threads, `${first.threads} threads became ${last.threads}`);
  t.true(last.files <= first.files, `${first.files} open files became ${last.files}`);
  t.true(
    last.residentMb - half.residentMb <= MOST_GROWTH_MB,
    `${half.residentMb} MB became ${last.residentMb}`,
  );
}

async function everyWriteIsThere(t, databases, counts) {
  const missing = [];
  let verified = 0;
  for (const [index, options] of databases.entries()) {
    const db = openSimple(t, options);
    for (let worker = index; worker < WORKERS; worker += databases.length) {
      const ids = Array.from({ length: counts[worker] }, (_, n) => `${worker}-${n}`);
      const found = await db.getMany('churn', ids);
      for (const [n, document] of found.entries())
        if (document?.data.n !== n || document._version !== 1) missing.push(ids[n]);
      verified += found.length;
    }
  }
  t.deepEqual(missing, []);
  t.log(`${verified} acknowledged writes verified`);
  t.true(verified > WORKERS);
}
