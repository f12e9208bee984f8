// A database whose shards and log lie on storage that takes its time for each operation, and an event loop that looks how
// late it is. `control` is the file of programs/slow.c.

import { readFileSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { SimpleDB } from 'kimdb/hyperscale';

const { options, control, documents, delayMs } = JSON.parse(process.argv[2]);

const storage = {
  set(milliseconds) {
    const bytes = Buffer.alloc(64);
    bytes.writeBigUInt64LE(BigInt(milliseconds * 1000));
    writeFileSync(control, bytes, { flag: 'r+' });
  },
  get operations() {
    const bytes = readFileSync(control);
    const count = (at) => Number(bytes.readBigUInt64LE(at));
    const last = bytes.toString('utf8', 24).replace(/\0.*$/s, '');
    return { ofMain: count(8), ofOthers: count(16), last };
  },
};
const turn = () => new Promise(setImmediate);
const data = (i) => ({ i, text: 'x'.repeat(200) });
const idOf = (i) => `d${i}`;

/** Does something while the storage is slow; says what the event loop met and what came out. */
async function slowly(work) {
  storage.set(delayMs);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const result = await work();
  delay.disable();
  const { operations } = storage;
  storage.set(0);
  return { result, operations, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
}

/** Calls of every kind on documents that nobody has read, one after the other and many at once. */
async function everything(db) {
  const results = {};
  const isRight = (document, i) => document?.data.i === i && document._version === 1;
  const cold = [];
  for (let i = 0; i < documents / 2; i++) {
    cold.push(db.get('users', idOf(i)));
    if (i % 100 === 0) await turn();
  }
  // Written before they are read: their versions are in the shards.
  const updated = [];
  for (let i = documents / 2; i < documents / 2 + 50; i++) {
    db.set('users', idOf(i), { i: -i });
    updated.push(db.get('users', idOf(i)));
  }
  const ids = Array.from({ length: documents / 4 }, (_, k) => idOf(documents / 2 + 100 + k));
  const many = db.getMany('users', [...ids, 'nobody']);
  const fresh = [];
  for (let i = 0; i < 20; i++) {
    fresh.push(db.set(`collection ${i}`, null, { i }));
    fresh.push(db.get(`another collection ${i}`, 'nobody'));
    fresh.push(db.delete('users', idOf(documents - 1 - i)));
    db.stats();
    await turn();
  }
  results.cold = (await Promise.all(cold)).filter(isRight).length;
  results.updated = (await Promise.all(updated)).filter(
    (found) => found._version === 2 && found.data.i < 0,
  ).length;
  const found = await many;
  results.many = ids.filter((id, k) => found[k]?.id === id).length;
  results.nobody = found.at(-1);
  await Promise.all(fresh);
  await db.flush();
  results.deleted = await db.get('users', idOf(documents - 1));
  results.synced = (await db.getSync('users', idOf(1))).data.i;
  results.all = (await db.getAll('collection 7')).length;
  return results;
}

/** More writes than the log holds, with reads in between. */
async function flood(db) {
  let longestMs = 0;
  const timed = async (write, start) => {
    await write;
    longestMs = Math.max(longestMs, performance.now() - start);
  };
  const writes = [];
  const reads = [];
  let waited = false;
  const text = 'y'.repeat(2000);
  for (let i = 0; i < 800; i++) {
    writes.push(timed(db.set('flood', `f${i}`, { i, text }), performance.now()));
    waited ||= db.stats().waitingBytes > 0;
    if (i % 20 === 0) {
      reads.push(db.get('flood', `f${i}`));
      await turn();
    }
  }
  await Promise.all(writes);
  const seen = (await Promise.all(reads)).filter((document, k) => document?.data.i === 20 * k).length;
  return { waited, seen, of: reads.length, longestMs };
}

storage.set(0);
let db = new SimpleDB(options);
await db.setMany(
  'users',
  Array.from({ length: documents }, (_, i) => [idOf(i), data(i)]),
);
db.close();
db = new SimpleDB(options);
const calls = await slowly(() => everything(db));
const full = await slowly(() => flood(db));
const stored = await db.getAll('flood', Number.POSITIVE_INFINITY);
db.close();
console.log(JSON.stringify({ calls, full, stored: stored.length }));
