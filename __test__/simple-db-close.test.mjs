// The methods of SimpleDB that put what is buffered into the shard files, and those that close it.

import test from 'ava';
import { filesIn, manualFlush, openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { rejectsCode, throwsCode } from './helpers/errors.mjs';

// close

test('close flushes, twice is fine, and every call after it fails', async (t) => {
  const folder = useFolder(t);
  const db = openSimple(t, { ...pathsIn(folder), ...manualFlush });
  await db.set('users', 'u1', 1);
  t.is(db.close(), undefined);
  t.is(db.close(), undefined);
  throwsCode(t, () => db.stats(), 'KimDBError', 'KIMDB_CLOSED');
  throwsCode(t, () => db.flushSync(), 'KimDBError', 'KIMDB_CLOSED');
  t.like(await openSimple(t, pathsIn(folder)).get('users', 'u1'), { data: 1, _version: 1 });
});

test('close lets go of the files and leaves no SQLite log', async (t) => {
  const folder = useFolder(t);
  const db = openSimple(t, { ...pathsIn(folder), shardCount: 2 });
  await db.set('users', 'u1', 1);
  db.close();
  t.deepEqual(
    filesIn(folder).filter((name) => name.endsWith('.db')),
    ['test_shard0.db', 'test_shard1.db'],
  );
  t.deepEqual(
    filesIn(folder).filter((name) => /-(wal|shm|journal)$/.test(name)),
    [],
  );
});

test('close leaves nothing to recover', async (t) => {
  const lines = [];
  const options = { ...pathsIn(useFolder(t)), logger: (line) => lines.push(line) };
  const db = openSimple(t, options);
  for (let i = 0; i < 100; i++) await db.set('users', `u${i}`, i);
  db.close();
  const again = openSimple(t, options);
  t.is(again.stats().recoveredWrites, 0);
  t.deepEqual(lines, []);
});

test('close settles every promise', async (t) => {
  const db = openSimple(t, manualFlush);
  const promises = [
    db.set('users', 'u1', 1),
    db.setSync('users', 'u2', 2),
    db.sync(),
    db.flush(),
    db.set('users', 'u3', 3),
    db.setMany('users', [['u4', 4]]),
    db.getAll('users'),
    db.getSync('users', 'u1'),
  ];
  db.close();
  const results = await Promise.allSettled(promises);
  for (const { status, reason } of results) {
    t.true(status === 'fulfilled' || reason.code === 'KIMDB_CLOSED', String(reason));
  }
  t.deepEqual(
    results.slice(0, 3).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled'],
    'what was written before is on the disk',
  );
});

test('a durable write that nobody waits for harms no program that closes at once', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = openSimple(t, { ...paths, ...manualFlush });
  // An unhandled rejection would end this process.
  db.setSync('users', 'u1', 1);
  db.close();
  await new Promise((resolve) => setImmediate(resolve));
  t.is((await openSimple(t, paths).get('users', 'u1')).data, 1);
  await t.throwsAsync(db.setSync('users', 'u1', 2), { code: 'KIMDB_CLOSED' });
});

test('a closed database can be opened again by a new instance', async (t) => {
  const paths = pathsIn(useFolder(t));
  for (let round = 1; round <= 5; round++) {
    const db = openSimple(t, paths);
    await db.set('users', 'u1', round);
    t.is((await db.get('users', 'u1'))._version, round);
    db.close();
  }
});

// flush, flushSync

test('flush resolves when everything is in the shard files', async (t) => {
  const db = openSimple(t, manualFlush);
  t.is(await db.flush(), undefined);
  for (let i = 0; i < 1000; i++) await db.set('users', `u${i}`, i);
  t.is(await db.flush(), undefined);
  t.like(db.stats(), { bufferSize: 0, flushedWrites: 1000 });
});

test('flushes at the same time', async (t) => {
  const db = openSimple(t, manualFlush);
  const flushes = [];
  for (let i = 0; i < 20; i++) {
    db.set('users', `u${i}`, i);
    flushes.push(db.flush());
  }
  await Promise.all(flushes);
  t.is(db.stats().flushedWrites, 20);
});

test('flushSync returns when everything is in the shard files', (t) => {
  const db = openSimple(t, manualFlush);
  t.is(db.flushSync(), undefined);
  for (let i = 0; i < 1000; i++) db.set('users', `u${i}`, i);
  t.is(db.flushSync(), undefined);
  t.like(db.stats(), { bufferSize: 0, flushedWrites: 1000 });
});

// Symbol.dispose, Symbol.asyncDispose

test('Symbol.dispose closes', async (t) => {
  const folder = useFolder(t);
  const db = openSimple(t, { ...pathsIn(folder), ...manualFlush });
  await db.set('users', 'u1', 1);
  t.is(db[Symbol.dispose](), undefined);
  await rejectsCode(t, () => db.get('users', 'u1'), 'KimDBError', 'KIMDB_CLOSED');
  db[Symbol.dispose]();
  t.is((await openSimple(t, pathsIn(folder)).get('users', 'u1')).data, 1);
});

test('Symbol.asyncDispose flushes and closes', async (t) => {
  const folder = useFolder(t);
  const db = openSimple(t, { ...pathsIn(folder), ...manualFlush });
  await db.set('users', 'u1', 1);
  t.is(await db[Symbol.asyncDispose](), undefined);
  await rejectsCode(t, () => db.get('users', 'u1'), 'KimDBError', 'KIMDB_CLOSED');
  await db[Symbol.asyncDispose]();
  t.is((await openSimple(t, pathsIn(folder)).get('users', 'u1')).data, 1);
});
