// Another shardCount on data that is there, and data that the original named in its own way.

import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SimpleDB } from 'kimdb/hyperscale';
import { runModule, runProgram, startProgram } from './helpers/child.mjs';
import {
  filesIn,
  manualFlush,
  openHyper,
  openSimple,
  pathsIn,
  sleep,
  useFolder,
} from './helpers/database.mjs';
import { copyFixtures } from './helpers/fixtures.mjs';
import { randomFrom } from './helpers/random.mjs';

const DOCUMENTS = 300;

/** Options of a closed database with documents in four shards. */
async function useFilled(t) {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const db = new SimpleDB({ ...options, shardCount: 4 });
  for (let i = 0; i < DOCUMENTS; i++) await db.set('users', `u${i}`, { i });
  await db.set('users', 'u0', { i: 0 });
  db.close();
  return options;
}

async function checkFilled(t, db) {
  for (let i = 0; i < DOCUMENTS; i++) {
    t.deepEqual(await db.get('users', `u${i}`), { id: `u${i}`, data: { i }, _version: i === 0 ? 2 : 1 });
  }
  t.is((await db.getAll('users', 10_000)).length, DOCUMENTS);
}

// A kill while SQLite begins its log leaves an empty journal, which it ignores from then on.
const shardsIn = (folder) =>
  filesIn(folder).filter((name) => !name.endsWith('.wal') && !name.endsWith('-journal'));
const shardNames = (count) => Array.from({ length: count }, (_, i) => `test_shard${i}.db`).sort();

test('documents move, and the lines say so', async (t) => {
  const options = await useFilled(t);
  const lines = [];
  const db = openSimple(t, { ...options, shardCount: 11, logger: (line) => lines.push(line) });
  t.deepEqual(lines, [
    '[kimdb] Moving documents from 4 to 11 shards...',
    `[kimdb] Moved ${DOCUMENTS} documents`,
  ]);
  t.is(db.stats().shardCount, 11);
  t.is(db.db.config.shardCount, 11);
  t.is(db.db.shards.size, 11);
  const digest = createHash('md5').update('u7').digest();
  t.is(db.db.getShardIndex('u7'), digest.readUInt32BE(0) % 11);
  await checkFilled(t, db);
  db.close();
  t.deepEqual(shardsIn(join(options.dbPath, '..')), shardNames(11));
});

test('the lines of a recovery come before those of the move', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  await runProgram(t, 'exit.mjs', { options, ending: 'SIGKILL', count: 10 });
  const lines = [];
  const db = openSimple(t, { ...options, shardCount: 3, logger: (line) => lines.push(line) });
  t.deepEqual(lines, [
    '[kimdb] Recovering 12 buffered writes from WAL...',
    '[kimdb] Recovered 12 writes',
    '[kimdb] Moving documents from 8 to 3 shards...',
    '[kimdb] Moved 10 documents',
  ]);
  t.is(db.stats().recoveredWrites, 12);
});

test('without a shardCount the one of the data is used', async (t) => {
  const options = await useFilled(t);
  for (const shardCount of [undefined, null]) {
    const db = openHyper(t, { ...options, shardCount, logger: (line) => t.fail(line) });
    t.is(db.config.shardCount, 4);
    t.is(db.getStats().shardCount, 4);
    const second = openHyper(t, { ...options, shardCount });
    t.is(second.config.shardCount, 4);
    t.throws(() => openHyper(t, { ...options, shardCount: 8 }), { code: 'KIMDB_OPTION_CONFLICT' });
    second.close();
    db.close();
  }
  t.is(openHyper(t).config.shardCount, 8);
});

test('a logger that throws, or opens the database itself, stops no move', async (t) => {
  const options = await useFilled(t);
  const source = `
    import SimpleDB from 'kimdb';
    process.on('uncaughtException', (error) => console.log(error.code ?? error.message));
    const options = { ...${JSON.stringify(options)}, shardCount: 2 };
    const db = new SimpleDB({
      ...options,
      logger: (line) => {
        if (line.includes('Moved')) throw new Error('thrown by the logger');
        new SimpleDB(options);
      },
    });
    console.log(db.stats().shardCount, (await db.getAll('users', 1000)).length);
    db.close();`;
  const { stdout, stderr, code } = await runModule(t, useFolder(t), source);
  t.deepEqual(stdout.trim().split('\n').sort(), [`2 ${DOCUMENTS}`, 'KIMDB_BUSY', 'thrown by the logger']);
  t.deepEqual([stderr, code], ['', 0]);
});

test('killed by a line of the logger, the next start has everything in the shards that it asks for', async (t) => {
  for (const killAt of [1, 2]) {
    for (const asked of [undefined, 4, 9]) {
      const options = await useFilled(t);
      const killed = await runProgram(t, 'move.mjs', { options: { ...options, shardCount: 9 }, killAt });
      t.is(killed.signal, 'SIGKILL');
      const db = openSimple(t, { ...options, shardCount: asked, logger: false });
      t.is(db.stats().shardCount, asked ?? (killAt === 1 ? 4 : 9));
      await checkFilled(t, db);
      db.close();
      t.deepEqual(shardsIn(join(options.dbPath, '..')), shardNames(db.db.config.shardCount));
    }
  }
});

test('killed at any moment, the next start has everything', async (t) => {
  const options = await useFilled(t);
  const random = randomFrom(Date.now());
  for (let kills = 0; kills < 12; kills++) {
    const shardCount = 1 + random(40);
    const child = startProgram(t, 'move.mjs', { options: { ...options, shardCount } });
    await child.nextLine();
    await sleep(random(60));
    child.kill();
    await child.ended;
    const asked = [undefined, shardCount, 4][kills % 3];
    const db = openSimple(t, { ...options, shardCount: asked, logger: false });
    if (asked !== undefined) t.is(db.stats().shardCount, asked);
    await checkFilled(t, db);
    const count = db.stats().shardCount;
    db.close();
    t.deepEqual(shardsIn(join(options.dbPath, '..')), shardNames(count));
  }
});

// The original library

test("the original's shards move", async (t) => {
  const folder = useFolder(t);
  copyFixtures(folder, {
    'old_shard0.db': 'test_shard0.db',
    'old_shard1.db': 'test_shard1.db',
    'old-buffer.wal': 'test.wal',
  });
  const db = openSimple(t, { ...pathsIn(folder), shardCount: 5, logger: false });
  t.is((await db.getAll('users', 100)).length, 20);
  t.deepEqual((await db.get('user-profiles', 'p1')).data, { bio: 'old' });
  t.deepEqual(await db.get('users', 'u19'), { id: 'u19', data: { i: 19, name: '김' }, _version: 1 });
  t.like(await db.get('users', 'u1'), { data: { name: 'Kim', age: 31 }, _version: 4 });
  t.like(await db.get('users', 5), { id: '5', data: { name: 'number' } });
});

test('a dbPath without .db, whose shards were one file, is found', async (t) => {
  const folder = useFolder(t);
  copyFixtures(folder, { 'old_shard0.db': 'plain' });
  const inShard0 = (id) => createHash('md5').update(id).digest().readUInt32BE(0) % 2 === 0;
  const ids = Array.from({ length: 20 }, (_, i) => `u${i}`).filter(inShard0);
  const paths = { dbPath: join(folder, 'plain'), walPath: join(folder, 'plain.log') };
  const lines = [];
  const db = openSimple(t, { ...paths, logger: (line) => lines.push(line) });
  t.is(lines[0], '[kimdb] Moving documents from 1 to 8 shards...');
  t.is(db.stats().shardCount, 8);
  for (const id of ids) t.is((await db.get('users', id)).id, id);
  t.is((await db.getAll('users')).length, ids.length);
  db.close();
  t.deepEqual(
    filesIn(folder),
    [...Array.from({ length: 8 }, (_, i) => `plain_shard${i}.db`), 'plain.log'].sort(),
  );
  t.is((await openSimple(t, { ...paths, logger: false }).getAll('users')).length, ids.length);
});

test('a folder or a file at such a dbPath that is not the original’s is left alone', async (t) => {
  const folder = useFolder(t);
  mkdirSync(join(folder, 'folder'));
  copyFixtures(folder, { 'README.md': 'text' });
  for (const name of ['folder', 'text']) {
    const db = openSimple(t, { dbPath: join(folder, name), walPath: join(folder, `${name}.log`) });
    await db.set('users', 'u1', 1);
    db.close();
    t.true(filesIn(folder).includes(name) && filesIn(folder).includes(`${name}_shard0.db`));
  }
});

test('shards that the original named by the first .db of the path are found', async (t) => {
  for (const [dbPath, old, now] of [
    ['app.dbx', 'app_shard#.dbx', 'app.dbx_shard#.db'],
    ['a.db.b.db', 'a_shard#.db.b.db', 'a.db.b_shard#.db'],
    ['my.db.files/app.db', 'my_shard#.db.files/app.db', 'my.db.files/app_shard#.db'],
  ]) {
    const folder = useFolder(t);
    for (const i of [0, 1]) {
      const file = old.replace('#', i);
      mkdirSync(join(folder, file, '..'), { recursive: true });
      copyFixtures(folder, { [`old_shard${i}.db`]: file });
    }
    const source = `
      import SimpleDB from 'kimdb';
      const db = new SimpleDB({ dbPath: ${JSON.stringify(dbPath)}, walPath: 'log' });
      console.log(db.stats().shardCount, (await db.getAll('users')).length);
      db.close();`;
    const first = await runModule(t, folder, source);
    t.deepEqual([first.lines.at(-1), first.stderr], ['2 20', ''], dbPath);
    const again = await runModule(t, folder, source);
    t.deepEqual(again.lines, ['2 20'], dbPath);
    const [file] = now.replace('#', 0).split('/').reverse();
    t.true(filesIn(join(folder, now, '..')).includes(file));
    t.false(filesIn(join(folder, old.replace('#', 0), '..')).includes(old.split('/').at(-1).replace('#', 0)));
  }
});
