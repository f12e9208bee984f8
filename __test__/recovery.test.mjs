// What an earlier process wrote and could not flush is found at the next start.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { KimDBError, SimpleDB } from 'kimdb/hyperscale';
import { runModule, runProgram } from './helpers/child.mjs';
import { manualFlush, openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { copyFixtures } from './helpers/fixtures.mjs';

/** A folder with a database whose process was killed after 150 writes, with none of them flushed. */
async function useKilledDatabase(t) {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const killed = await runProgram(t, 'exit.mjs', { options, ending: 'SIGKILL', count: 148 });
  t.is(killed.signal, 'SIGKILL');
  return options;
}

test.serial('the two lines are printed, and nothing else', async (t) => {
  const options = await useKilledDatabase(t);
  const source = `
    import SimpleDB from 'kimdb';
    const db = new SimpleDB(${JSON.stringify(options)});
    await db.set('users', 'new', 1);
    db.close();`;
  const first = await runModule(t, useFolder(t), source);
  t.deepEqual(first.lines, [
    '[kimdb] Recovering 150 buffered writes from WAL...',
    '[kimdb] Recovered 150 writes',
  ]);
  t.is(first.stderr, '');
  const second = await runModule(t, useFolder(t), source);
  t.deepEqual(second.lines, []);
});

test('a logger function gets the lines, false drops them', async (t) => {
  const source = (options, logger) => `
    import SimpleDB from 'kimdb';
    const db = new SimpleDB({ ...${JSON.stringify(options)}, logger: ${logger} });
    db.close();`;
  const folder = useFolder(t);
  const toFunction = await runModule(
    t,
    folder,
    source(await useKilledDatabase(t), '(line) => console.error(line)'),
  );
  t.is(toFunction.stdout, '');
  t.is(
    toFunction.stderr,
    '[kimdb] Recovering 150 buffered writes from WAL...\n[kimdb] Recovered 150 writes\n',
  );
  const dropped = await runModule(t, folder, source(await useKilledDatabase(t), 'false'));
  t.deepEqual([dropped.code, dropped.stdout, dropped.stderr], [0, '', '']);
});

test('a logger that throws stops no recovery', async (t) => {
  const options = await useKilledDatabase(t);
  const source = `
    import SimpleDB from 'kimdb';
    process.on('uncaughtException', (error) => console.log('uncaught: ' + error.message));
    const logger = () => { throw new Error('mine'); };
    const db = new SimpleDB({ ...${JSON.stringify(options)}, logger });
    console.log((await db.get('users', 'u7')).data);
    db.close();`;
  const { code, lines } = await runModule(t, useFolder(t), source);
  t.is(code, 0);
  t.deepEqual(lines.sort(), ['7', 'uncaught: mine', 'uncaught: mine']);
});

test('recovered writes are counted, readable and in the shards', async (t) => {
  const options = await useKilledDatabase(t);
  const db = openSimple(t, { ...options, logger: false });
  t.is(db.stats().recoveredWrites, 150);
  t.like(await db.get('users', 'u7'), { data: 7, _version: 1 });
  t.is(await db.get('users', 'deleted'), null);
  await db.set('users', 'u7', 'again');
  t.like(await db.get('users', 'u7'), { data: 'again', _version: 2 });
  t.is((await db.getAll('users', 1000)).length, 148);
});

test('recovery happens once: killed again, versions are as if there had been no crash', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  for (let round = 1; round <= 4; round++) {
    const killed = await runProgram(t, 'exit.mjs', {
      options: { ...options, logger: false },
      ending: 'SIGKILL',
      count: 50,
    });
    t.is(killed.signal, 'SIGKILL');
  }
  const db = openSimple(t, { ...options, logger: false });
  for (let i = 0; i < 50; i++) t.like(await db.get('users', `u${i}`), { data: i, _version: 4 });
});

test('a log of another length of walSize is recovered', async (t) => {
  const options = await useKilledDatabase(t);
  const db = openSimple(t, { ...options, logger: false, walSize: 2 ** 20 });
  t.is(db.stats().recoveredWrites, 150);
  t.is((await db.getAll('users', 1000)).length, 148);
});

test('safeMode: false recovers what a process with the log left', async (t) => {
  const options = await useKilledDatabase(t);
  const db = openSimple(t, { ...options, logger: false, safeMode: false });
  t.is((await db.getAll('users', 1000)).length, 148);
});

// The original library

test("the original's buffer.wal is recovered and replaced", async (t) => {
  const folder = useFolder(t);
  copyFixtures(folder, { 'old-buffer.wal': 'test.wal' });
  const lines = [];
  const options = { ...pathsIn(folder), shardCount: 2, logger: (line) => lines.push(line) };
  const db = openSimple(t, options);
  t.deepEqual(lines, ['[kimdb] Recovering 6 buffered writes from WAL...', '[kimdb] Recovered 6 writes']);
  t.is(db.stats().recoveredWrites, 6);
  t.like(await db.get('users', 'u1'), { data: { name: 'Kim', age: 31 }, _version: 2 });
  t.is(await db.get('users', 'u2'), null);
  t.like(await db.get('users', '5'), { id: '5', data: { name: 'number' } });
  t.like(await db.get('주문', 'o1'), { data: { total: 1 } });
  db.close();
  lines.length = 0;
  const again = openSimple(t, options);
  t.deepEqual(lines, []);
  t.like(await again.get('users', 'u1'), { data: { name: 'Kim', age: 31 }, _version: 2 });
});

test("the original's buffer.wal may be empty, or end in the middle of a line", async (t) => {
  const line = (id) =>
    `${JSON.stringify({ collection: 'users', id, data: { id }, operation: 'upsert', timestamp: 1 })}\n`;
  const logs = { empty: ['', 0], torn: [`${line('u1')}${line('u2')}${line('u3').slice(0, 40)}`, 2] };
  for (const [text, count] of Object.values(logs)) {
    const paths = pathsIn(useFolder(t));
    writeFileSync(paths.walPath, text);
    const db = openSimple(t, { ...paths, logger: false });
    t.is(db.stats().recoveredWrites, count);
    t.is((await db.getAll('users')).length, count);
  }
});

test("number ids in the original's buffer.wal are found by that number", async (t) => {
  const paths = pathsIn(useFolder(t));
  const ids = [5, -7, 1.5, 0.000001, 1e-7, 2 ** 53, 123456789012345680000, 1e21];
  const lines = ids.map((id) => JSON.stringify({ collection: 'users', id, data: id, operation: 'upsert' }));
  writeFileSync(paths.walPath, `${lines.join('\n')}\n`);
  const db = openSimple(t, { ...paths, logger: false });
  for (const id of ids) t.deepEqual((await db.getSync('users', id))?.data, id);
});

test("the original's shards are found", async (t) => {
  const folder = useFolder(t);
  copyFixtures(folder, { 'old_shard0.db': 'test_shard0.db', 'old_shard1.db': 'test_shard1.db' });
  const db = openSimple(t, { ...pathsIn(folder), shardCount: 2, ...manualFlush });
  t.deepEqual(await db.get('users', 'u0'), { id: 'u0', data: { i: 0, again: true }, _version: 2 });
  t.deepEqual(await db.get('users', 'u19'), { id: 'u19', data: { i: 19, name: '김' }, _version: 1 });
  t.is((await db.getAll('users')).length, 20);
  t.deepEqual((await db.get('Orders_2', 'o1')).data, { total: 1 });
  t.deepEqual((await db.get('user-profiles', 'p1'))?.data, { bio: 'old' });
  await db.set('user-profiles', 'p2', { bio: 'new' });
  t.is(await db.get('userprofiles', 'p1'), null, 'one table belongs to one collection');
  await db.set('users', 'u0', 'new');
  await db.flush();
  t.like(await db.get('users', 'u0'), { data: 'new', _version: 3 });
});

test('a log that is no log is refused and left alone', (t) => {
  const folder = useFolder(t);
  const paths = pathsIn(folder);
  writeFileSync(paths.walPath, Buffer.alloc(100_000, 7));
  const error = t.throws(() => new SimpleDB(paths), { instanceOf: KimDBError });
  t.regex(error.code, /^KIMDB_(CORRUPT|WAL_MISMATCH)$/);
  t.is(error.path, join(folder, 'test.wal'));
});
