// What the original library (kimdb 7.6.1) got wrong. Each of these fails there.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { HyperScaleDB } from 'kimdb/hyperscale';
import { runProgram } from './helpers/child.mjs';
import {
  filesIn,
  manualFlush,
  openHyper,
  openSimple,
  pathsIn,
  rowsOf,
  until,
  useFolder,
} from './helpers/database.mjs';
import { useUnreliableShard } from './helpers/fixtures.mjs';

test('1. a flush in parts loses nothing when the process is killed after it', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush, batchSize: 100 };
  const { signal } = await runProgram(t, 'partial-flush.mjs', options);
  t.is(signal, 'SIGKILL');
  const db = openSimple(t, { ...options, logger: false });
  for (let i = 0; i < 3000; i++) {
    const document = await db.get('users', `u${i}`);
    const expected = i % 3 === 0 ? undefined : i % 3 === 1 ? 'second' : 'first';
    if (document?.data !== expected) t.fail(`u${i} is ${JSON.stringify(document)}, not ${expected}`);
  }
  t.is((await db.getAll('users', 5000)).length, 2000);
});

test('2. a batch that fails is kept and tried again', async (t) => {
  const options = { ...useUnreliableShard(t), flushInterval: 5 };
  const db = openHyper(t, options);
  let failures = 0;
  db.on('error', () => failures++);
  for (let i = 0; i < 12; i++) {
    db.write('unreliable', `u${i}`, i);
    await db.flush().catch(() => {});
    await until(() => db.getBufferSize() === 0);
  }
  t.true(failures > 0);
  t.is(rowsOf(db, 'unreliable').length, 12);
});

test('3. any collection name can be flushed, and does not break the flush of others', async (t) => {
  const db = openSimple(t, { ...manualFlush, shardCount: 1 });
  const names = ['사용자', '1st', 'order', 'x"; DROP TABLE users', 'users'];
  for (const name of names) await db.set(name, 'id', { name });
  await db.db.flush();
  for (const name of names) t.deepEqual(await db.getAll(name), [{ id: 'id', data: { name }, _version: 1 }]);
});

test('4. setSync is not undone by the flush of an older set', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const db = openSimple(t, options);
  await db.set('users', 'u1', 'older');
  await db.setSync('users', 'u1', 'newer');
  await db.db.flush();
  db.close();
  t.is((await openSimple(t, options).get('users', 'u1')).data, 'newer');
});

test('5. a deleted document reads as null', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('users', 'u1', 1);
  await db.delete('users', 'u1');
  t.is(await db.get('users', 'u1'), null);
  await db.set('users', 'u2', 2);
  await db.db.flush();
  await db.delete('users', 'u2');
  t.is(await db.get('users', 'u2'), null);
});

test('6. _version is right from everywhere, and each read gives an object of its own', async (t) => {
  const db = openSimple(t, manualFlush);
  const data = { tags: [] };
  for (let i = 0; i < 3; i++) await db.set('users', 'u1', data);
  t.is((await db.get('users', 'u1'))._version, 3);
  await db.db.flush();
  t.is((await db.get('users', 'u1'))._version, 3);
  data.tags.push('later');
  t.deepEqual((await db.get('users', 'u1')).data, { tags: [] });
  (await db.get('users', 'u1')).data.tags.push('by a reader');
  t.deepEqual((await db.get('users', 'u1')).data, { tags: [] });
});

test('7. getAll gives as many documents as there are, however the shards are filled', async (t) => {
  const db = openSimple(t);
  const ids = [];
  for (let i = 0; ids.length < 50; i++) if (db.db.getShardIndex(`u${i}`) === 3) ids.push(`u${i}`);
  for (const id of ids) await db.set('users', id, 1);
  for (const limit of [1, 10, 49, 50]) t.is((await db.getAll('users', limit)).length, limit);
  t.is((await db.getAll('users', 60)).length, 50);
});

test('8. a number as an id is its decimal text', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('users', 5, { name: 'Kim' });
  await db.db.flush();
  t.deepEqual(
    rowsOf(db.db, 'users').map(({ id }) => id),
    ['5'],
  );
  t.deepEqual(await db.get('users', '5'), { id: '5', data: { name: 'Kim' }, _version: 1 });
  t.deepEqual(await db.get('users', 5), { id: '5', data: { name: 'Kim' }, _version: 1 });
});

test('9. another shardCount hides no data; dbPath without .db gives each shard its file', async (t) => {
  const folder = useFolder(t);
  const paths = { dbPath: join(folder, 'plain'), walPath: join(folder, 'plain.wal') };
  const db = openSimple(t, { ...paths, shardCount: 4 });
  for (let i = 0; i < 40; i++) await db.set('users', `u${i}`, i);
  db.close();
  const shards = filesIn(folder).filter((name) => name.endsWith('.db'));
  t.deepEqual(
    shards,
    [0, 1, 2, 3].map((i) => `plain_shard${i}.db`),
  );
  for (const shardCount of [8, 2]) {
    const again = openSimple(t, { ...paths, shardCount, logger: false });
    for (let i = 0; i < 40; i++) t.is((await again.get('users', `u${i}`))?.data, i);
    again.close();
  }
  t.is((await openSimple(t, paths).getAll('users')).length, 40);
});

test('10. databases do not erase each other’s log, and a missing folder does not turn it off', async (t) => {
  const folder = useFolder(t);
  const walPath = join(folder, 'missing', 'folder', 'shared.wal');
  const a = new HyperScaleDB({ dbPath: join(folder, 'a.db'), walPath, ...manualFlush }).init();
  t.teardown(() => a.close());
  a.write('users', 'u1', 1);
  t.true(existsSync(walPath));
  t.is(a.getStats().walWrites, 1);
  const b = new HyperScaleDB({ dbPath: join(folder, 'b.db'), walPath });
  t.teardown(() => b.close());
  t.throws(() => b.init(), { code: 'KIMDB_WAL_MISMATCH' });
});

test('11. the read cache stays within its bound', async (t) => {
  const cacheBytes = 200_000;
  const db = openSimple(t, { ...manualFlush, cacheBytes });
  const text = 'x'.repeat(1000);
  for (let i = 0; i < 3000; i++) await db.set('users', `u${i}`, { text });
  await db.db.flush();
  for (let i = 0; i < 3000; i++) await db.get('users', `u${i}`);
  t.true(db.stats().cacheSize > 0);
  t.true(db.stats().cacheSize <= cacheBytes / text.length, `${db.stats().cacheSize} documents`);
});

test.serial('12. the event loop turns while a large flush is under way', async (t) => {
  const db = openHyper(t, { ...manualFlush, batchSize: 2 ** 31 - 1 });
  for (let i = 0; i < 100_000; i++) db.write('users', `u${i}`, { i });
  let flushed = false;
  const flush = db.flush().then(() => {
    flushed = true;
  });
  let turns = 0;
  while (!flushed) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  await flush;
  t.is(db.getBufferSize(), 0);
  t.true(turns >= 20, `${turns} turns`);
});

test('13. a process that forgets close() ends by itself', async (t) => {
  const options = { ...pathsIn(useFolder(t)), flushInterval: 10 };
  const { code, signal } = await runProgram(t, 'exit.mjs', { options, ending: 'normal end', count: 10 });
  t.deepEqual({ code, signal }, { code: 0, signal: null });
  t.is((await openSimple(t, { ...options, logger: false }).getAll('users')).length, 10);
});
