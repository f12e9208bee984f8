// What the performance guide of kimdb 7 tells its readers to do.

import { statSync } from 'node:fs';
import test from 'ava';
import { manualFlush, openSimple } from '../__test__/helpers/database.mjs';

async function useFilled(t) {
  const db = openSimple(t, { ...manualFlush, shardCount: 3 });
  for (let i = 0; i < 500; i++) await db.set('users', `u${i}`, { i });
  return db;
}

test('db.db.flushSync() brings everything to the files', async (t) => {
  const db = await useFilled(t);
  db.db.flushSync();
  t.is(db.stats().bufferSize, 0);
  t.is(db.stats().flushedWrites, 500);
});

test('db.db.readCache.clear() makes the next read go to the files', async (t) => {
  const db = await useFilled(t);
  db.db.flushSync();
  await db.get('users', 'u1');
  t.is(db.db.readCache.size, 1);
  db.db.readCache.clear();
  t.is(db.db.readCache.size, 0);
  const { cacheMisses } = db.stats();
  t.deepEqual(await db.get('users', 'u1'), { id: 'u1', data: { i: 1 }, _version: 1 });
  t.is(db.stats().cacheMisses, cacheMisses + 1);
});

test("shard.pragma('wal_checkpoint(TRUNCATE)') over db.db.shards empties SQLite's logs", async (t) => {
  const db = await useFilled(t);
  db.db.flushSync();
  for (const [, shard] of db.db.shards) t.true(statSync(`${shard.name}-wal`).size > 0);
  for (const [index, shard] of db.db.shards) {
    const [{ busy }] = shard.pragma('wal_checkpoint(TRUNCATE)');
    t.is(busy, 0, `shard ${index}`);
    t.is(statSync(`${shard.name}-wal`).size, 0);
  }
  t.is((await db.getAll('users', 1000)).length, 500);
});
