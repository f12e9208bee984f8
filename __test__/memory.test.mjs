// What the engine says of its memory, in stats() and to V8.

import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { manualFlush, openSimple, pathsIn, patiently, useFolder } from './helpers/database.mjs';

const MIB = 2 ** 20;
const COUNT = 20_000;
const TEXT = 'x'.repeat(1000);
const SMALL = { value: 1 };
/** What of one engine is told in steps of this, and by each instance. */
const STEP = MIB;

/** What V8 was told of; `process.memoryUsage().external` counts buffers alone. */
const { external } = createRequire(import.meta.url)('../binding.js').Memory;

/** Documents that take some 20 MiB, in the cache. */
async function fill(db) {
  const ids = Array.from({ length: COUNT }, (_, i) => `u${i}`);
  await db.setMany(
    'users',
    ids.map((id) => [id, TEXT]),
  );
  await db.flush();
  await readAll(db);
}

async function readAll(db) {
  for (let i = 0; i < COUNT; i++) await db.get('users', `u${i}`);
}

const close = (t, actual, expected, what) =>
  t.true(Math.abs(actual - expected) <= 2 * STEP, `${what}: ${actual / MIB} MiB, not ${expected / MIB}`);

test.serial('V8 knows of the cache while it is filled, and of nothing after close()', async (t) => {
  const before = external();
  const db = openSimple(t, { cacheBytes: 64 * MIB });
  await fill(db);
  const seen = external() - before;
  t.true(seen > 18 * MIB, `${seen / MIB} MiB`);
  // What was told last may be from before the last megabyte.
  const filled = db.stats().memoryBytes;
  close(t, seen, filled, 'filled');
  close(t, external() - before, filled, 'after stats()');
  db.db.readCache.clear();
  const { memoryBytes } = db.stats();
  t.true(filled - memoryBytes > 18 * MIB, `${filled / MIB} became ${memoryBytes / MIB} MiB`);
  close(t, external() - before, memoryBytes, 'emptied');
  db.close();
  close(t, external(), before, 'closed');
});

test.serial('instances that share an engine share what is told', async (t) => {
  const before = external();
  const paths = pathsIn(useFolder(t));
  const databases = Array.from({ length: 4 }, () => openSimple(t, paths));
  await fill(databases[0]);
  const [{ memoryBytes }] = databases.map((db) => db.stats());
  t.true(memoryBytes > 18 * MIB);
  close(t, external() - before, memoryBytes, 'four instances');
  databases[0].close();
  databases[1].close();
  for (const db of databases.slice(2)) db.stats();
  close(t, external() - before, memoryBytes, 'two are left');
  databases[2].close();
  databases[3].close();
  close(t, external(), before, 'closed');
});

test.serial('a worker tells its own V8 of its part, and what it leaves is told by the others', async (t) => {
  const before = external();
  const options = pathsIn(useFolder(t));
  const db = openSimple(t, options);
  await fill(db);
  const { memoryBytes } = db.stats();
  const worker = new Worker(new URL('./programs/memory-worker.mjs', import.meta.url), {
    workerData: { options },
  });
  t.teardown(() => worker.terminate());
  const told = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  db.stats();
  close(t, told, memoryBytes / 2, 'the worker');
  close(t, external() - before, memoryBytes / 2, 'the main thread');
  await worker.terminate();
  await patiently(() => {
    db.stats();
    return Math.abs(external() - before - memoryBytes) <= 2 * STEP;
  });
  close(t, external() - before, memoryBytes, 'the worker has gone');
});

test.serial('a log that is memory of the process counts, a mapped one does not', async (t) => {
  const walSize = 32 * MIB;
  for (const [options, counts] of [
    [{ safeMode: false }, true],
    [{ walBackend: 'pwrite' }, true],
    [{ walBackend: 'mmap' }, false],
  ]) {
    const before = external();
    const db = openSimple(t, { ...options, walSize, cacheBytes: 0 });
    const { memoryBytes } = db.stats();
    t.is(memoryBytes >= walSize, counts, JSON.stringify(options));
    close(t, external() - before, memoryBytes, JSON.stringify(options));
    db.close();
    close(t, external(), before, 'closed');
  }
});

test('the index is there while what is buffered is read', async (t) => {
  const db = openSimple(t, manualFlush);
  for (let i = 0; i < 1000; i++) await db.set('users', `u${i}`, i);
  t.is(db.stats().indexBytes, 0, 'nothing was read yet');
  await db.get('users', 'u1');
  const { indexBytes, memoryBytes } = db.stats();
  t.true(indexBytes > 1000 * 8, `${indexBytes}`);
  t.true(memoryBytes >= indexBytes);
  await db.flush();
  t.is(db.stats().indexBytes, 0, 'the shards have all of it');
});

test('SQLite counts what it keeps', async (t) => {
  const db = openSimple(t, { shardCount: 2 });
  const { sqliteBytes } = db.stats();
  await db.setMany(
    'users',
    Array.from({ length: 5000 }, (_, i) => [`u${i}`, TEXT]),
  );
  await db.flush();
  const filled = db.stats().sqliteBytes;
  t.true(filled > sqliteBytes + MIB, `${sqliteBytes} became ${filled}`);
  t.true(filled <= 2 * 14 * MIB + MIB);
});

test('caches of SQLite shrink where there are many shards', async (t) => {
  const cacheOf = (shardCount) => {
    const db = openSimple(t, { shardCount, walSize: MIB });
    return db.db.shards.get(0).pragma('cache_size', { simple: true });
  };
  t.is(cacheOf(8), -2048);
  t.is(cacheOf(16), -2048);
  t.is(cacheOf(64), -512);
});

test('promises that wait are counted', async (t) => {
  const db = openSimple(t, manualFlush);
  t.is(db.stats().waitingCalls, 0);
  const calls = [db.setSync('users', 'u1', 1), db.getAll('users'), db.flush()];
  await undefined;
  t.is(db.stats().waitingCalls, 3);
  await Promise.all(calls);
  t.is(db.stats().waitingCalls, 0);
});

/** Bytes by which the heap is larger after some work. */
async function growthOf(work) {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc');
  collectGarbage();
  const { heapUsed } = process.memoryUsage();
  await work();
  collectGarbage();
  return process.memoryUsage().heapUsed - heapUsed;
}

/** A part of a long text, as of a request, which V8 keeps as such. */
const cutOut = (name) => `name=${name};${'x'.repeat(MIB)}`.match(/^name=([^;]*);/)[1];

test.serial('names in memory keep no text alive that they were cut from', async (t) => {
  const db = openSimple(t);
  const names = Array.from({ length: 50 }, (_, i) => `document-number-${i}`);
  await db.setMany(
    'users',
    names.map((id) => [id, SMALL]),
  );
  await db.flush();
  const ofIds = await growthOf(async () => {
    for (const id of names) {
      const cut = cutOut(id);
      for (let i = 0; i < 3; i++) t.deepEqual((await db.get('users', cut)).data, SMALL);
    }
  });
  t.true(db.stats().cacheHits >= names.length);
  t.true(ofIds < 10 * MIB, `${ofIds / MIB} MiB`);
  const ofCollections = await growthOf(async () => {
    for (const collection of names) await db.set(cutOut(collection), 'a', SMALL);
  });
  t.true(ofCollections < 10 * MIB, `${ofCollections / MIB} MiB`);
});
