// What docs/operations.md says: its commands, and its figures that can be counted.

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import test from 'ava';
import { SimpleDB } from 'kimdb/hyperscale';
import { runModule, startCommand } from './helpers/child.mjs';
import { filesIn, openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { readPage } from './helpers/pages.mjs';
import { useSqliteTool } from './helpers/sqlite.mjs';

const commands = readPage('docs/operations.md').blocks.filter(({ language }) => language === 'sh');

const appIn = (folder) => pathsIn(join(folder, 'data'), 'app');
const countOf = async (db) => (await db.getAll('users', Number.POSITIVE_INFINITY)).length;

/** Runs the commands under a heading in a folder. */
async function runCommands(t, heading, cwd, env) {
  const { code } = commands.find(({ path }) => path.at(-1) === heading);
  const result = await startCommand(t, 'sh', ['-euc', code], { cwd, env }).ended;
  t.deepEqual([result.code, result.stderr], [0, ''], heading);
  return result.lines;
}

test('the page has these commands', (t) => {
  t.deepEqual(
    commands.map(({ path }) => path.at(-1)),
    ['While it is open', 'Restore', 'Check', 'Shrink'],
  );
});

test('a copy of an open database: everything flushed is in it, writes go on, and it can be restored', async (t) => {
  const env = useSqliteTool(t);
  if (env === undefined) return t.pass();
  const folder = useFolder(t);
  const db = openSimple(t, appIn(folder));
  for (let i = 0; i < 2000; i++) await db.set('users', `u${i}`, { i });
  db.flushSync();

  let isCopied = false;
  const copying = runCommands(t, 'While it is open', folder, env).finally(() => {
    isCopied = true;
  });
  let later = 0;
  while (!isCopied) {
    for (let i = 0; i < 100; i++) await db.set('users', `later${later++}`, later);
    await db.flush();
  }
  await copying;
  t.is(await countOf(db), 2000 + later);

  const verdicts = await runCommands(t, 'Check', folder, env);
  t.deepEqual(verdicts, Array(8).fill('ok'));

  db.close();
  await runCommands(t, 'Restore', folder, env);
  const restored = openSimple(t, appIn(folder));
  const ids = Array.from({ length: 2000 }, (_, i) => `u${i}`);
  const documents = await restored.getMany('users', ids);
  t.deepEqual(
    documents,
    ids.map((id, i) => ({ id, data: { i }, _version: 1 })),
  );
  t.is(restored.stats().recoveredWrites, 0);
  return undefined;
});

test('a shard that was shrunk while the database was closed', async (t) => {
  const env = useSqliteTool(t);
  if (env === undefined) return t.pass();
  const folder = useFolder(t);
  const text = 'x'.repeat(1000);
  const ids = Array.from({ length: 2000 }, (_, i) => `u${i}`);
  const db = openSimple(t, appIn(folder));
  await db.setMany(
    'users',
    ids.map((id) => [id, { text }]),
  );
  await db.flush();
  await db.deleteMany('users', ids.slice(10));
  db.close();
  const size = () => statSync(join(folder, 'data/app_shard0.db')).size;
  const before = size();
  await runCommands(t, 'Shrink', folder, env);
  t.true(size() < before / 2, `${before} bytes, then ${size()}`);
  const again = openSimple(t, appIn(folder));
  t.is(await countOf(again), 10);
  await again.set('users', 'new', 1);
  t.is(await countOf(again), 11);
  return undefined;
});

test('a copy with a log of its own lives beside its original, and with the same log it is refused', async (t) => {
  const folder = useFolder(t);
  const original = appIn(folder);
  const copy = { dbPath: join(folder, 'copy/app.db'), walPath: join(folder, 'copy/app.wal') };
  const db = openSimple(t, original);
  await db.set('users', 'u1', 'original');
  db.close();
  const source = `
    import { cpSync } from 'node:fs';
    for (let i = 0; i < 8; i++) cpSync('data/app_shard' + i + '.db', 'copy/app_shard' + i + '.db');`;
  t.is((await runModule(t, folder, source)).code, 0);

  const again = openSimple(t, original);
  t.throws(() => new SimpleDB({ ...copy, walPath: original.walPath }), { code: 'KIMDB_LOCKED' });
  const copied = openSimple(t, copy);
  await copied.set('users', 'u1', 'copy');
  await copied.flush();
  t.is((await again.get('users', 'u1')).data, 'original');
  t.is((await copied.get('users', 'u1')).data, 'copy');
});

test('a closed database is its shard files and an empty log', async (t) => {
  const folder = useFolder(t);
  const db = openSimple(t, appIn(folder));
  await db.set('users', 'u1', 1);
  db.close();
  const shards = Array.from({ length: 8 }, (_, i) => `app_shard${i}.db`);
  t.deepEqual(filesIn(join(folder, 'data')), ['app.wal', ...shards]);
});

const linuxTest = process.platform === 'linux' ? test : test.skip;

for (const shardCount of [1, 8, 20]) {
  linuxTest(`file handles and threads of ${shardCount} shards`, async (t) => {
    const folder = useFolder(t);
    const program = `
      import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
      import SimpleDB from 'kimdb';
      ${filesOfProcess}
      ${threadsOfProcess}
      const db = new SimpleDB({ shardCount: ${shardCount}, dbPath: 'data/app.db', walPath: 'data/app.wal', walBackend: 'mmap' });
      await db.set('users', 'u1', 1);
      await db.flush();
      const open = filesOfProcess();
      await db.getAll('users');
      for (const shard of db.db.shards.values()) shard.pragma('page_count');
      console.log(JSON.stringify({ open, queried: filesOfProcess(), threads: threadsOfProcess() }));`;
    const { lines, stderr } = await runModule(t, folder, program);
    t.is(stderr, '');
    const { open, queried, threads } = JSON.parse(lines[0]);
    t.deepEqual({ open, queried }, { open: 6 * shardCount + 2, queried: 8 * shardCount + 2 });
    // A container may be given fewer cores than Node.js counts.
    t.true(threads > 5 && threads <= Math.min(shardCount, availableParallelism()) + 5, `${threads} threads`);
  });
}

function filesOfProcess() {
  const handles = readdirSync('/proc/self/fd').flatMap((handle) => {
    try {
      return [readlinkSync(`/proc/self/fd/${handle}`)];
    } catch {
      return [];
    }
  });
  return handles.filter((path) => /\/data\/app[^/]*$/.test(path)).length;
}

function threadsOfProcess() {
  const names = readdirSync('/proc/self/task').map((task) =>
    readFileSync(`/proc/self/task/${task}/comm`, 'utf8'),
  );
  return names.filter((name) => name.startsWith('kimdb-')).length;
}
