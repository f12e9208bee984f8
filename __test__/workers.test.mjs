// Worker threads share the engine of the process.

import { Worker } from 'node:worker_threads';
import test from 'ava';
import { manualFlush, openSimple, pathsIn, patiently, until, useFolder } from './helpers/database.mjs';

function startWorker(t, args) {
  const worker = new Worker(new URL('./programs/worker.mjs', import.meta.url), { workerData: args });
  t.teardown(() => worker.terminate());
  const messages = [];
  let failure;
  worker.on('message', (message) => messages.push(message));
  worker.on('error', (error) => {
    failure = error;
  });
  const exit = new Promise((resolve) => {
    worker.on('exit', resolve);
  });
  return { worker, messages, exit, failure: () => failure };
}

test('a worker and the main thread see each other at once', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const db = openSimple(t, options);
  await db.set('users', 'main', 'from main');
  const { messages, exit, failure } = startWorker(t, { options, job: 'exchange' });
  t.is(await exit, 0, failure()?.stack);
  t.deepEqual(messages, [{ read: 'from main' }]);
  t.like(await db.get('users', 'worker'), { data: 'from worker', _version: 1 });
});

test('a worker that opens first and closes leaves its writes', async (t) => {
  const options = pathsIn(useFolder(t));
  const { exit, failure } = startWorker(t, { options, job: 'close' });
  t.is(await exit, 0, failure()?.stack);
  t.is((await openSimple(t, options).getAll('users', 1000)).length, 100);
});

test('a worker that ends without close leaves its writes, and ends by itself', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const { exit, failure } = startWorker(t, { options, job: 'forget' });
  t.is(await exit, 0, failure()?.stack);
  t.is((await openSimple(t, options).getAll('users', 1000)).length, 100);
});

test('four workers write at the same time', async (t) => {
  const options = pathsIn(useFolder(t));
  const db = openSimple(t, options);
  const workers = [0, 1, 2, 3].map((index) => startWorker(t, { options, job: 'write', index }));
  for (const { exit, failure } of workers) t.is(await exit, 0, failure()?.stack);
  const shared = await db.getSync('counters', 'shared');
  t.is(shared._version, 4 * 2000, 'every write of every worker counts');
  t.is((await db.getAll('users', Number.POSITIVE_INFINITY)).length, 4 * 2000);
});

test('eight workers read the newest write of each other, in the order of its writer, from flush to flush', async (t) => {
  const options = { ...pathsIn(useFolder(t)), shardCount: 2, flushInterval: 3, bufferSize: 500 };
  const db = openSimple(t, options);
  const writes = 3000;
  const published = new Int32Array(new SharedArrayBuffer(8 * Int32Array.BYTES_PER_ELEMENT));
  const workers = Array.from(published, (_, index) =>
    startWorker(t, { options, job: 'race', index, published, writes }),
  );
  for (const { exit, failure } of workers) t.is(await exit, 0, failure()?.stack);
  for (const index of published.keys()) {
    t.like(await db.getSync('race', `w${index}`), { data: writes, _version: writes });
  }
  t.true(db.stats().flushedWrites > 0);
});

test('flushes are told to the instances of all workers', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const db = openSimple(t, options);
  let flushed = 0;
  db.on('flush', ({ count }) => {
    flushed += count;
  });
  const workers = [0, 1, 2, 3].map((index) => startWorker(t, { options, job: 'listen', index }));
  await until(() => workers.every(({ messages, failure }) => failure() || messages.includes('wrote')));
  await db.set('users', 'main', 'from main');
  await db.flush();
  await db.delete('users', 'main');
  await db.flush();
  const last = ({ messages }) => messages.at(-1);
  await patiently(() => workers.every((worker) => last(worker) === 6));
  t.deepEqual([flushed, ...workers.map(last)], [6, 6, 6, 6, 6], 'five documents and a delete');
  for (const { worker, exit, failure } of workers) {
    worker.postMessage('end');
    t.is(await exit, 0, failure()?.stack);
  }
});

test('workers that are terminated while they wait hold nothing', async (t) => {
  const options = { ...pathsIn(useFolder(t)), flushInterval: 5 };
  const db = openSimple(t, options);
  for (let round = 0; round < 3; round++) {
    const workers = [0, 1, 2, 3].map((index) => startWorker(t, { options, job: 'wait', index }));
    await until(() => workers.every(({ messages, failure }) => failure() || messages.length > round));
    const ends = workers.map(({ worker }) => worker.terminate());
    await db.setSync('main', `m${round}`, round);
    await Promise.all(ends);
    for (const { failure } of workers) t.is(failure(), undefined);
    t.like(await db.getSync('main', `m${round}`), { data: round });
  }
  db.close();
  const alone = openSimple(t, { ...options, exclusive: true });
  t.is((await alone.getAll('main')).length, 3);
  t.true((await alone.getAll('waiting')).length > 0);
});

test('terminating workers under load harms nobody, and keeps what they reported', async (t) => {
  const options = { ...pathsIn(useFolder(t)), walSize: 2 ** 20, flushInterval: 5 };
  const db = openSimple(t, options);
  const reported = new Map();
  for (let round = 0; round < 5; round++) {
    const { worker, messages, failure } = startWorker(t, { options, job: 'endless', index: round });
    await until(() => messages.length > 20);
    await worker.terminate();
    t.is(failure(), undefined);
    reported.set(round, Math.max(...messages));
    await db.set('main', `m${round}`, round);
  }
  await db.flush();
  for (const [round, last] of reported) {
    for (let i = 0; i <= last; i++) {
      const document = await db.get('endless', `${round}-${i}`);
      if (document?.data.i !== i) t.fail(`write ${i} of worker ${round} is missing`);
    }
  }
  t.is((await db.getAll('main')).length, 5);
});

test('workers that open and end again and again', async (t) => {
  const options = { ...pathsIn(useFolder(t)), shardCount: 2 };
  for (let round = 0; round < 10; round++) {
    const pair = [startWorker(t, { options, job: 'forget' }), startWorker(t, { options, job: 'close' })];
    for (const { exit, failure } of pair) t.is(await exit, 0, failure()?.stack);
  }
  t.is((await openSimple(t, options).get('users', 'u0'))._version, 20);
});
