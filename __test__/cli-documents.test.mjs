// The command line: one document or one look at a time.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { startProgram } from './helpers/child.mjs';
import { runCli } from './helpers/cli.mjs';
import { filesIn, openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { copyFixtures } from './helpers/fixtures.mjs';
import { useSqliteTool } from './helpers/sqlite.mjs';

/** The path of a database with some documents, and its options. */
async function useDatabase(t) {
  const folder = useFolder(t);
  const paths = pathsIn(folder);
  const db = openSimple(t, paths);
  await db.setMany('users', [
    ['u001', { name: 'Kim', tags: ['a'] }],
    ['u002', { name: 'Lee' }],
  ]);
  await db.set('글 목록', '첫 글', '안녕하세요');
  db.close();
  return { folder, paths, db: ['--db', paths.dbPath] };
}

test('set stores what get prints', async (t) => {
  const folder = useFolder(t);
  const cwd = { cwd: folder };
  const made = await runCli(t, ['--db', 'app.db', 'set', 'users', 'u001', '{"name":"Kim"}'], cwd);
  t.deepEqual(made, {
    code: 0,
    signal: null,
    stdout: '',
    stderr: "Made the database 'app.db'.\nStored 'u001' in 'users', version 1.\n",
  });
  const printed = await runCli(t, ['get', 'users', 'u001', '--db', 'app.db'], cwd);
  t.deepEqual([printed.code, printed.stdout, printed.stderr], [0, '{\n  "name": "Kim"\n}\n', '']);
  const json = await runCli(t, ['--db', 'app.db', '--json', 'get', 'users', 'u001'], cwd);
  t.deepEqual(JSON.parse(json.stdout), { id: 'u001', data: { name: 'Kim' }, _version: 1 });
  t.deepEqual(
    filesIn(folder).filter((name) => !/^app(_shard\d\.db|\.wal)$/.test(name)),
    [],
    'all beside it',
  );
});

test('get says of a document that is too deep for this Node.js what prints it', async (t) => {
  const folder = useFolder(t);
  const paths = pathsIn(folder);
  const db = openSimple(t, { ...paths, shardCount: 1 });
  await db.set('users', 'u001', 1);
  db.close();
  const env = useSqliteTool(t);
  if (env === undefined) return t.pass();
  const depth = 50_000;
  const sql = `UPDATE users SET data = '${'['.repeat(depth)}${']'.repeat(depth)}'`;
  t.is(spawnSync('sqlite3', [join(folder, 'test_shard0.db'), sql], { env }).status, 0);
  for (const more of [[], ['--json']]) {
    const { code, stdout, stderr } = await runCli(t, ['--db', paths.dbPath, ...more, 'get', 'users', 'u001']);
    // Newer ones have no limit.
    if (code === 0) t.true(stdout.includes('['.repeat(100)) || stdout.includes('[\n'));
    else
      t.regex(stderr, /^kimdb: The document 'u001' is nested too deeply.*; print it with 'kimdb dump'\.\n$/);
  }
  const { stdout } = await runCli(t, ['--db', paths.dbPath, 'dump']);
  t.true(stdout.includes('['.repeat(depth)));
});

test('set reads the standard input, and an empty id asks for a new one', async (t) => {
  const { db } = await useDatabase(t);
  const stored = await runCli(t, [...db, 'set', 'users', '', '-', '--json'], { input: '{"n":\n1}' });
  const { collection, id, _version } = JSON.parse(stored.stdout);
  t.deepEqual([stored.code, stored.stderr, collection, _version], [0, '', 'users', 1]);
  t.regex(id, /^[0-9a-f-]{36}$/);
  const again = await runCli(t, [...db, 'set', 'users', id, '--quiet', '--', '-1']);
  t.deepEqual([again.code, again.stdout, again.stderr], [0, '', '']);
  const read = await runCli(t, [...db, 'get', 'users', id, '--json']);
  t.deepEqual(JSON.parse(read.stdout), { id, data: -1, _version: 2 });
});

test('set takes UTF-8 from the standard input, with a BOM or without, and nothing else', async (t) => {
  const { db } = await useDatabase(t);
  const set = (bytes) => runCli(t, [...db, 'set', 'users', 'u001', '-'], { input: Buffer.concat(bytes) });
  t.is((await set([Buffer.from('\ufeff"김"')])).code, 0);
  const refused = await set([Buffer.from('"caf'), Buffer.from([0xe9]), Buffer.from('"')]);
  t.deepEqual([refused.code, refused.stdout], [2, '']);
  t.is(refused.stderr, 'kimdb: The standard input is not a document: it is not UTF-8.\n');
  t.is((await runCli(t, [...db, 'get', 'users', 'u001'])).stdout, '"김"\n');
});

test('a negative number is no option, with -- and without', async (t) => {
  const { db } = await useDatabase(t);
  for (const rest of [['-5'], ['--', '-5'], ['-1.5e-3']]) {
    t.is((await runCli(t, [...db, 'set', 'users', 'u001', ...rest])).code, 0);
    t.is(Number((await runCli(t, [...db, 'get', 'users', 'u001'])).stdout), Number(rest.at(-1)));
  }
  t.false((await runCli(t, ['help', 'set'])).stdout.includes(' -- '));
});

test('a document that does not exist is exit code 1', async (t) => {
  const { db } = await useDatabase(t);
  const missing = await runCli(t, [...db, 'get', 'users', 'none']);
  t.deepEqual([missing.code, missing.stdout], [1, '']);
  t.is(missing.stderr, "kimdb: There is no document 'none' in the collection 'users'.\n");
  const json = await runCli(t, [...db, 'get', 'none', 'none', '--json']);
  t.deepEqual([json.code, json.stdout], [1, 'null\n']);
});

test('ls lists the collections', async (t) => {
  const { db } = await useDatabase(t);
  const table = await runCli(t, [...db, 'ls']);
  t.is(table.stdout, 'collection  documents\nusers               2\n글 목록             1\n');
  const json = await runCli(t, [...db, 'ls', '--json']);
  t.deepEqual(JSON.parse(json.stdout), [
    { collection: 'users', documents: 2 },
    { collection: '글 목록', documents: 1 },
  ]);
});

test('ls knows the collections of kimdb 7', async (t) => {
  const folder = useFolder(t);
  copyFixtures(folder, Object.fromEntries([0, 1].map((i) => [`old_shard${i}.db`, `old_shard${i}.db`])));
  for (const i of [2, 3, 4, 5, 6, 7]) await writeFile(join(folder, `old_shard${i}.db`), '');
  const json = await runCli(t, ['--db', join(folder, 'old.db'), 'ls', '--json']);
  const collections = JSON.parse(json.stdout);
  t.true(collections.length > 0, json.stderr);
  t.true(collections.every(({ documents }) => documents > 0));
});

test('stats tells how large it is', async (t) => {
  const { db, paths } = await useDatabase(t);
  const json = await runCli(t, [...db, 'stats', '--json']);
  const { shardBytes, ...rest } = JSON.parse(json.stdout);
  t.deepEqual(rest, {
    dbPath: paths.dbPath,
    shards: 8,
    collections: 2,
    documents: 3,
    walPath: paths.walPath,
    walSize: 64 * 1024 * 1024,
    recoveredWrites: 0,
  });
  t.true(shardBytes > 8 * 4096);
  const text = await runCli(t, [...db, 'stats']);
  t.regex(text.stdout, /^documents +3$/m);
  t.regex(text.stdout, /^size of the log +64\.0 MiB$/m);
});

test('the log is the one that the database had last, with its size', async (t) => {
  const folder = useFolder(t);
  const elsewhere = useFolder(t);
  const options = {
    dbPath: join(folder, 'app.db'),
    walPath: join(elsewhere, 'deep', 'the.log'),
    walSize: 2 * 1024 * 1024,
  };
  const holder = startProgram(t, 'hold.mjs', options);
  t.is(await holder.nextLine(), 'open');
  holder.kill();
  await holder.ended;
  const recovered = await runCli(t, ['--db', options.dbPath, 'stats', '--json'], { cwd: useFolder(t) });
  const { walPath, walSize, recoveredWrites } = JSON.parse(recovered.stdout);
  t.deepEqual([walPath, walSize, recoveredWrites], [options.walPath, options.walSize, 1]);
  t.regex(recovered.stderr, /Recovered 1 writes/);
  t.deepEqual(
    filesIn(folder).filter((name) => !name.startsWith('app_shard')),
    [],
  );
});

for (const command of [
  ['stats'],
  ['ls'],
  ['get', 'users', 'u001'],
  ['dump'],
  ['verify'],
  ['recover'],
  ['reshard', '--to', '4'],
]) {
  test(`${command[0]} does not make a database`, async (t) => {
    const folder = useFolder(t);
    const named = await runCli(t, ['--db', 'none.db', ...command], { cwd: folder });
    t.deepEqual([named.code, named.stdout], [2, '']);
    t.is(named.stderr, "kimdb: There is no database 'none.db'; check the path after --db.\n");
    const usual = await runCli(t, [...command, '--json'], { cwd: folder });
    t.deepEqual([usual.code, usual.stdout], [2, '']);
    t.regex(usual.stderr, /no database 'data.hyperscale\.db'; name it with --db/);
    t.deepEqual(filesIn(folder), []);
  });
}

for (const command of [
  ['stats'],
  ['ls'],
  ['get', 'users', 'u001'],
  ['set', 'users', 'u001', '1'],
  ['dump'],
  ['load'],
  ['verify'],
  ['recover'],
  ['reshard', '--to', '4'],
]) {
  test(`${command[0]} tells who has the database open`, async (t) => {
    const options = pathsIn(useFolder(t));
    const holder = startProgram(t, 'hold.mjs', options);
    t.is(await holder.nextLine(), 'open');
    const refused = await runCli(t, ['--db', options.dbPath, ...command]);
    t.deepEqual([refused.code, refused.stdout], [3, '']);
    t.true(refused.stderr.includes(`in use by process ${holder.child.pid};`), refused.stderr);
    t.true(refused.stderr.includes('(KIMDB_LOCKED)'), refused.stderr);
  });
}

test('recover tells what was recovered and what is damaged', async (t) => {
  const { folder, paths, db } = await useDatabase(t);
  const nothing = await runCli(t, [...db, 'recover']);
  t.deepEqual([nothing.code, nothing.stdout], [0, 'Nothing was left to recover.\nNo damage was met.\n']);

  const holder = startProgram(t, 'hold.mjs', paths);
  t.is(await holder.nextLine(), 'open');
  holder.kill();
  await holder.ended;
  const recovered = await runCli(t, [...db, 'recover', '--json']);
  t.is(recovered.code, 0);
  t.deepEqual(JSON.parse(recovered.stdout), { recoveredWrites: 1, damagedBytes: 0, damage: [] });

  const log = await readFile(paths.walPath);
  await writeFile(paths.walPath, log.subarray(0, log.length - 1));
  const damaged = await runCli(t, [...db, 'recover', '--json']);
  const { damage } = JSON.parse(damaged.stdout);
  t.deepEqual([damaged.code, damage.length, damage[0].code], [1, 1, 'KIMDB_CORRUPT']);
  t.regex(damaged.stderr, /^kimdb: The log .* was damaged/m);
  t.true(existsSync(join(folder, 'test.wal.corrupt-1')));
});
