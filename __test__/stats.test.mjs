// What stats() tells beyond the fields of kimdb 7.

import test from 'ava';
import { KimDBError } from 'kimdb/hyperscale';
import { manualFlush, openHyper, openSimple, patiently, sleep, until } from './helpers/database.mjs';
import { flushAtLast, useUnreliableShard } from './helpers/fixtures.mjs';

test('options must be what they are', (t) => {
  const db = openSimple(t);
  const details = { instanceOf: TypeError, code: 'KIMDB_INVALID_OPTION' };
  t.like(
    t.throws(() => db.stats({ shards: 1 }), details),
    { message: "option 'shards' must be true or false, got 1" },
  );
  t.throws(() => db.db.getStats({ shards: 'yes' }), details);
  for (const options of [5, 'shards', true]) t.throws(() => db.stats(options), details);
  for (const options of [undefined, null, {}, { shards: null }, { shards: false }]) {
    t.false('shards' in db.stats(options));
  }
});

test('a closed database has no figures', async (t) => {
  const db = openSimple(t);
  db.close();
  for (const call of [() => db.stats(), () => db.stats({ shards: true }), () => db.toPrometheus()]) {
    t.throws(call, { instanceOf: KimDBError, code: 'KIMDB_CLOSED' });
  }
  await t.throwsAsync(db.shardRows(), { code: 'KIMDB_CLOSED' });
});

test('a new database is fine', (t) => {
  const db = openSimple(t, manualFlush);
  t.like(db.stats(), {
    state: 'ok',
    bufferedBytes: 0,
    oldestAge: 0,
    retries: 0,
    errors: 0,
    flushTime: { count: 0, p50: 0, p90: 0, p99: 0, max: 0 },
    lastError: null,
  });
});

test('what is buffered is counted in bytes and grows old', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('users', 'u1', { text: 'x'.repeat(1000) });
  await sleep(30);
  await db.set('users', 'u2', { text: 'x'.repeat(1000) });
  const { bufferedBytes, oldestAge } = db.stats();
  t.true(bufferedBytes > 2000 && bufferedBytes < 3000, `${bufferedBytes} bytes`);
  t.true(oldestAge >= 20, `${oldestAge} ms`);
  await db.flush();
  t.like(db.stats(), { bufferedBytes: 0, oldestAge: 0 });
});

test('flushes and syncs are timed', async (t) => {
  const db = openHyper(t, manualFlush);
  const told = [];
  db.on('flush', ({ time }) => told.push(time));
  for (let i = 0; i < 4; i++) {
    db.write('users', `u${i}`, { i });
    await db.flush();
  }
  // A sync is counted a moment after it was told to those who waited for it.
  await until(() => told.length === 4 && db.stats.syncTime.count >= 4);
  const { flushTime, syncTime } = db.stats;
  t.is(flushTime.count, 4);
  // To the microsecond, rounded up.
  t.true(Math.abs(flushTime.max - Math.max(...told)) <= 0.001);
  for (const { p50, p90, p99, max } of [flushTime, syncTime]) {
    t.true(p50 > 0 && p50 <= p90 && p90 <= p99 && p99 <= max);
  }
});

test('figures of each shard', async (t) => {
  const db = openSimple(t, { ...manualFlush, shardCount: 3 });
  const expected = [0, 0, 0];
  for (let i = 0; i < 100; i++) {
    await db.set('users', `u${i}`, { i });
    expected[db.db.getShardIndex(`u${i}`)]++;
  }
  await db.flush();
  const { shards } = db.stats({ shards: true });
  t.deepEqual(
    shards,
    expected.map((flushedWrites, shard) => ({
      shard,
      flushedWrites,
      waitingWrites: 0,
      lag: 0,
      retries: 0,
      error: null,
    })),
  );
  t.deepEqual(db.db.getStats({ shards: true }).shards, shards);
});

test('documents of each shard, as flushed', async (t) => {
  const db = openSimple(t, { ...manualFlush, shardCount: 2 });
  t.deepEqual(await db.shardRows(), [0, 0]);
  const expected = [0, 0];
  for (let i = 0; i < 50; i++) {
    await db.set(i % 2 ? 'users' : '사용자', `u${i}`, { i });
    expected[db.db.getShardIndex(`u${i}`)]++;
  }
  t.deepEqual(await db.shardRows(), [0, 0]);
  await db.flush();
  t.deepEqual(await Promise.all([db.shardRows(), db.db.shardRows()]), [expected, expected]);
  await db.delete('users', 'u1');
  await db.flush();
  expected[db.db.getShardIndex('u1')]--;
  t.deepEqual(await db.shardRows(), expected);
});

test('a shard that fails is told until it works again', async (t) => {
  const db = openSimple(t, { ...useUnreliableShard(t), flushInterval: 5 });
  const errors = [];
  db.on('error', (error) => errors.push(error));
  const seen = [];
  for (let i = 0; errors.length === 0; i++) {
    await db.set('unreliable', `u${i}`, { i });
    await sleep(10);
    seen.push(db.stats({ shards: true }));
  }
  await flushAtLast(db);
  await patiently(() => db.stats().errors === errors.length);
  const stats = db.stats({ shards: true });
  t.like(stats, { state: 'ok', errors: errors.length, retries: stats.shards[0].retries });
  t.true(stats.retries > 0);
  t.is(stats.shards[0].error, null);
  const { time, code, message, shard } = stats.lastError;
  t.true(time > Date.now() - 600_000 && time <= Date.now());
  t.deepEqual([code, message, shard], [errors.at(-1).code, errors.at(-1).message, 0]);
  for (const { state, shards, oldestAge } of seen.filter(({ state }) => state === 'retrying')) {
    t.deepEqual([state, shards[0].error.code], ['retrying', code]);
    t.true(shards[0].waitingWrites > 0 && oldestAge >= 0);
  }
});
