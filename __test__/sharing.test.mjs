// One database opened several times in a process: one engine, one order of writes.

import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SimpleDB } from 'kimdb/hyperscale';
import { manualFlush, openHyper, openSimple, pathsIn, until, useFolder } from './helpers/database.mjs';
import { throwsCode } from './helpers/errors.mjs';

test('a second instance with other options is refused, and the first goes on', async (t) => {
  const options = { ...pathsIn(useFolder(t)), shardCount: 2, walSize: 2 ** 21 };
  const db = openSimple(t, options);
  await db.set('users', 'u1', 1);
  const others = [
    { shardCount: 3 },
    { safeMode: false },
    { walPath: `${options.walPath}2` },
    { walSize: 2 ** 22 },
    { exclusive: true },
  ];
  for (const other of others) {
    throwsCode(t, () => new SimpleDB({ ...options, ...other }), 'KimDBError', 'KIMDB_OPTION_CONFLICT');
  }
  await db.set('users', 'u1', 2);
  t.like(await db.get('users', 'u1'), { data: 2, _version: 2 });
});

test('two instances see each other at once', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const a = openSimple(t, options);
  const b = openSimple(t, options);
  for (let i = 1; i <= 10; i++) {
    await (i % 2 ? a : b).set('users', 'u1', i);
    t.like(await (i % 2 ? b : a).get('users', 'u1'), { data: i, _version: i, _buffered: true });
  }
  await a.delete('users', 'u1');
  t.is(await b.get('users', 'u1'), null);
  t.deepEqual(await b.getMany('users', ['u1']), [null]);
});

test('for the other options the first instance decides', (t) => {
  const paths = pathsIn(useFolder(t));
  const a = openHyper(t, { ...paths, bufferSize: 123, flushInterval: 456, cacheBytes: 789, batchSize: 10 });
  const b = openHyper(t, { ...paths, bufferSize: 1, flushInterval: 2, syncReads: true });
  t.like(b.config, { bufferSize: 123, flushInterval: 456, cacheBytes: 789, batchSize: 10, syncReads: true });
  t.like(a.config, { bufferSize: 123, flushInterval: 456, syncReads: false });
});

test('a setSync that was called before close() is told that it is on the disk', async (t) => {
  const options = { ...pathsIn(useFolder(t)), flushInterval: 1 };
  openSimple(t, options);
  for (let i = 0; i < 1000; i++) {
    const db = new SimpleDB(options);
    const written = db.setSync('users', `u${i}`, i);
    // Long enough for the sync to have begun, or not.
    await undefined;
    await undefined;
    if (i % 3 === 1) await new Promise((resolve) => setImmediate(resolve));
    db.close();
    t.deepEqual(await written, { id: `u${i}`, synced: true });
  }
});

test('each instance closes for itself', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const a = openSimple(t, options);
  const b = openSimple(t, options);
  await a.set('users', 'u1', 1);
  a.close();
  t.like(await b.get('users', 'u1'), { data: 1 });
  await b.set('users', 'u1', 2);
  b.close();
  t.like(await openSimple(t, options).get('users', 'u1'), { data: 2, _version: 2 });
});

test('each instance gets the events', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const a = openSimple(t, options);
  const b = openSimple(t, options);
  const counts = { a: 0, b: 0 };
  a.on('flush', ({ count }) => {
    counts.a += count;
  });
  b.on('flush', ({ count }) => {
    counts.b += count;
  });
  await a.set('users', 'u1', 1);
  await b.set('users', 'u2', 2);
  await a.flush();
  await until(() => counts.a === 2 && counts.b === 2);
  t.deepEqual(counts, { a: 2, b: 2 });
});

test('the same database by another spelling of its path', async (t) => {
  const folder = useFolder(t);
  mkdirSync(join(folder, 'real'));
  symlinkSync(join(folder, 'real'), join(folder, 'link'), 'junction');
  const a = openSimple(t, { ...pathsIn(join(folder, 'real')), ...manualFlush });
  const b = openSimple(t, { ...pathsIn(join(folder, 'link')), ...manualFlush });
  const c = openSimple(t, { ...pathsIn(`${folder}/link/../real/.`), ...manualFlush });
  await a.set('users', 'u1', 1);
  t.is((await b.get('users', 'u1'))?.data, 1);
  t.is((await c.get('users', 'u1'))?.data, 1);
});

test('two databases in one process are apart', async (t) => {
  const folder = useFolder(t);
  const a = openSimple(t, { ...pathsIn(folder, 'a'), ...manualFlush });
  const b = openSimple(t, { ...pathsIn(folder, 'b'), ...manualFlush });
  await a.set('users', 'u1', 'a');
  await b.set('users', 'u1', 'b');
  await a.flush();
  t.like(await a.get('users', 'u1'), { data: 'a', _version: 1 });
  t.like(await b.get('users', 'u1'), { data: 'b', _version: 1, _buffered: true });
  t.is(b.stats().bufferSize, 1);
});

test('many instances opened and closed', async (t) => {
  const options = { ...pathsIn(useFolder(t)), shardCount: 1 };
  const instances = Array.from({ length: 50 }, () => openSimple(t, options));
  await Promise.all(instances.map((db, i) => db.set('users', `u${i}`, i)));
  for (const db of instances.slice(1)) db.close();
  t.is((await instances[0].getAll('users')).length, 50);
});
