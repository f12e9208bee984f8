// SimpleDB as an instance: how it is made, what all its methods share, and stats.

import test from 'ava';
import { HyperScaleDB, SimpleDB } from 'kimdb/hyperscale';
import { manualFlush, openSimple } from './helpers/database.mjs';
import { rejectsCode } from './helpers/errors.mjs';

// constructor

test('SimpleDB needs new', (t) => {
  t.throws(() => SimpleDB(), { instanceOf: TypeError });
});

test('db is the HyperScaleDB', (t) => {
  const db = openSimple(t);
  t.true(db.db instanceof HyperScaleDB);
  t.is(db.db, db.db);
});

test('methods that take documents never throw at the call', async (t) => {
  const db = openSimple(t);
  db.close();
  const calls = [
    () => db.set('users', 'u1', 1),
    () => db.setSync('users', 'u1', 1),
    () => db.get('users', 'u1'),
    () => db.getSync('users', 'u1'),
    () => db.delete('users', 'u1'),
    () => db.getAll('users'),
    () => db.getMany('users', ['u1']),
    () => db.getMany('users', []),
    () => db.setMany('users', [['u1', 1]]),
    () => db.setMany('users', []),
    () => db.deleteMany('users', ['u1']),
    () => db.flush(),
  ];
  for (const call of calls) await rejectsCode(t, call, 'KimDBError', 'KIMDB_CLOSED', /with a new instance/);
});

// stats

test('stats has the documented fields', async (t) => {
  const db = openSimple(t, { ...manualFlush, shardCount: 4 });
  const names = [
    'bufferedWrites',
    'flushedWrites',
    'bufferSize',
    'cacheHits',
    'cacheMisses',
    'walWrites',
    'recoveredWrites',
    'shardCount',
    'cacheSize',
  ];
  const stats = db.stats();
  for (const name of names) t.is(typeof stats[name], 'number', name);
  t.is(stats.shardCount, 4);
  t.true(stats.safeMode);
});

test('stats counts writes', async (t) => {
  const db = openSimple(t, manualFlush);
  for (let i = 0; i < 5; i++) await db.set('users', `u${i}`, i);
  await db.delete('users', 'u0');
  t.like(db.stats(), {
    bufferedWrites: 6,
    walWrites: 6,
    bufferSize: 6,
    flushedWrites: 0,
    recoveredWrites: 0,
  });
  await db.flush();
  t.like(db.stats(), { bufferedWrites: 6, walWrites: 6, bufferSize: 0, flushedWrites: 6 });
  await db.setMany('users', [
    ['a', 1],
    ['b', 2],
  ]);
  t.like(db.stats(), { bufferedWrites: 8, walWrites: 8, bufferSize: 2, flushedWrites: 6 });
});

test('stats counts reads from memory and from the shards', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('users', 'u1', 1);
  await db.get('users', 'u1');
  t.like(db.stats(), { cacheHits: 1, cacheMisses: 0 });
  await db.flush();
  db.db.readCache.clear();
  t.is(db.stats().cacheSize, 0);
  await db.get('users', 'u1');
  t.like(db.stats(), { cacheHits: 1, cacheMisses: 1, cacheSize: 1 });
  await db.get('users', 'u1');
  t.like(db.stats(), { cacheHits: 2, cacheMisses: 1, cacheSize: 1 });
});
