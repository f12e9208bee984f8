// The command line: verification of databases that are whole, damaged and not to be checked.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { startProgram } from './helpers/child.mjs';
import { runCli } from './helpers/cli.mjs';
import { filesIn, openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { useSqliteTool } from './helpers/sqlite.mjs';

const DOCUMENTS = 500;

async function useDatabase(t) {
  const folder = useFolder(t);
  const paths = pathsIn(folder);
  const db = openSimple(t, paths);
  await db.setMany(
    '회원',
    Array.from({ length: DOCUMENTS }, (_, i) => [`id${i}`, { name: `이름 ${i}` }]),
  );
  db.close();
  return { folder, db: ['--db', paths.dbPath], ...paths };
}

const shardOf = (folder, i) => join(folder, `test_shard${i}.db`);

/** Everything in a folder, to see whether it changed. */
const snapshot = (folder) =>
  filesIn(folder).map((name) => {
    const path = join(folder, name);
    return [name, statSync(path).mtimeMs, readFileSync(path).toString('base64')];
  });

test('a whole database is exit code 0, and a copy that is read-only is verified too', async (t) => {
  const { folder, walPath } = await useDatabase(t);
  const copy = join(useFolder(t), 'copy');
  cpSync(folder, copy, { recursive: true });
  for (const name of filesIn(copy)) chmodSync(join(copy, name), 0o400);
  chmodSync(copy, 0o500);
  t.teardown(() => chmodSync(copy, 0o700));
  const before = snapshot(copy);
  for (const options of [[], ['--quick']]) {
    const { code, stdout, stderr } = await runCli(t, ['--db', join(copy, 'test.db'), 'verify', ...options], {
      cwd: copy,
    });
    t.is(code, 0, stderr);
    t.is(
      stdout,
      '8 shards, 500 documents\nlog test.wal: 0 writes, 0 of them not in the shards yet\nNo damage found.\n',
    );
  }
  t.true(JSON.stringify(snapshot(copy)) === JSON.stringify(before), 'nothing changed');
  t.true(walPath.endsWith('test.wal'));
});

test('what a killed process left is no damage, and stays', async (t) => {
  const paths = pathsIn(useFolder(t));
  const holder = startProgram(t, 'hold.mjs', paths);
  t.is(await holder.nextLine(), 'open');
  holder.kill();
  await holder.ended;
  for (const _ of [1, 2]) {
    const { code, stdout } = await runCli(t, ['--db', paths.dbPath, 'verify', '--json']);
    const { result, logs } = JSON.parse(stdout);
    t.deepEqual([code, result, logs[0].writes, logs[0].unflushed], [0, 'intact', 1, 1]);
  }
});

test('what a process left that was killed between two modes of SQLite is looked at, and stays', async (t) => {
  const { folder, db } = await useDatabase(t);
  // Where a shard leaves its log for a journal, or the other way round: nothing but its first page is to change.
  writeFileSync(`${shardOf(folder, 1)}-journal`, Buffer.alloc(8712));
  const before = snapshot(folder);
  const { code, stdout, stderr } = await runCli(t, [...db, 'verify']);
  t.is(code, 0, stderr);
  t.regex(stdout, /^8 shards, 500 documents/);
  t.true(JSON.stringify(snapshot(folder)) === JSON.stringify(before), 'nothing changed');
});

test("SQLite's log beside a shard file that a link leads to is looked at", async (t) => {
  const { folder, db, ...paths } = await useDatabase(t);
  const elsewhere = join(useFolder(t), 'shard.db');
  for (let i = 0; i < 8; i++) {
    renameSync(shardOf(folder, i), `${elsewhere}${i}`);
    symlinkSync(`${elsewhere}${i}`, shardOf(folder, i));
  }
  const holder = startProgram(t, 'hold.mjs', paths);
  t.is(await holder.nextLine(), 'open');
  // Another process that closes has nothing to write, but one that recovers has.
  holder.kill();
  await holder.ended;
  const next = startProgram(t, 'hold.mjs', paths);
  t.is(await next.nextLine(), 'open');
  next.kill();
  await next.ended;
  const { code, stdout } = await runCli(t, [...db, 'verify']);
  t.is(code, 0);
  t.regex(stdout, new RegExp(`^8 shards, ${DOCUMENTS + 1} documents`));
});

test('the logs of several processes that were killed are all looked at', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = openSimple(t, paths);
  const holders = [];
  for (const _ of [1, 2]) {
    const holder = startProgram(t, 'hold.mjs', paths);
    t.is(await holder.nextLine(), 'open');
    holders.push(holder);
  }
  for (const holder of holders) {
    holder.kill();
    await holder.ended;
  }
  db.close();
  // Another file may have such a name.
  writeFileSync(`${paths.walPath}.7`, 'some text\n');

  const found = async () => {
    const { code, stdout } = await runCli(t, ['--db', paths.dbPath, 'verify', '--json']);
    const { result, findings, logs } = JSON.parse(stdout);
    return [
      code,
      result,
      findings.length,
      logs.map(({ path, writes, unflushed }) => [path, writes, unflushed]),
    ];
  };
  const first = [paths.walPath, 0, 0];
  const [second, third] = [1, 2].map((number) => [`${paths.walPath}.${number}`, 1, 1]);
  t.deepEqual(await found(), [0, 'intact', 0, [first, second, third]]);

  const bytes = readFileSync(third[0]);
  for (const at of [20, 4096 + 20]) bytes[at] ^= 1;
  writeFileSync(third[0], bytes);
  t.deepEqual(await found(), [1, 'damaged', 1, [first, second]]);
});

test('damage is exit code 1 and told by file, collection and document', async (t) => {
  const { folder, db } = await useDatabase(t);
  const path = shardOf(folder, 3);
  const bytes = readFileSync(path);
  const at = bytes.indexOf('{"name":');
  bytes[at] = 'x'.charCodeAt(0);
  writeFileSync(path, bytes);
  const json = await runCli(t, [...db, 'verify', '--json']);
  const { result, findings } = JSON.parse(json.stdout);
  t.deepEqual([json.code, json.stderr, result, findings.length], [1, '', 'damaged', 1]);
  t.like(findings[0], { severity: 'damage', path, shard: 3, collection: '회원' });
  t.regex(findings[0].id, /^id\d+$/);
  const text = await runCli(t, [...db, 'verify'], { cwd: folder });
  t.is(text.code, 1);
  t.true(
    text.stdout.startsWith(`damage  test_shard3.db: Document '${findings[0].id}' in the table`),
    text.stdout,
  );
  t.true(text.stdout.endsWith('Damage was found.\n'));
});

test('a shard that is missing, cut or of another database is damage', async (t) => {
  const { folder, db } = await useDatabase(t);
  const other = await useDatabase(t);
  const damages = {
    missing: (path) => rmSync(path),
    empty: (path) => writeFileSync(path, ''),
    cut: (path) => writeFileSync(path, readFileSync(path).subarray(0, 10_000)),
    'no database': (path) => writeFileSync(path, 'text'.repeat(5000)),
    "another's": (path) => cpSync(shardOf(other.folder, 5), path),
  };
  const whole = readFileSync(shardOf(folder, 5));
  for (const [what, damage] of Object.entries(damages)) {
    damage(shardOf(folder, 5));
    const { code, stdout } = await runCli(t, [...db, 'verify', '--json']);
    const { findings } = JSON.parse(stdout);
    t.is(code, 1, what);
    t.true(
      findings.some(({ shard, severity }) => severity === 'damage' && shard === 5),
      what,
    );
    writeFileSync(shardOf(folder, 5), whole);
  }
  t.is((await runCli(t, [...db, 'verify'])).code, 0);
});

test('a damaged log is exit code 1', async (t) => {
  const { db, walPath } = await useDatabase(t);
  const log = readFileSync(walPath);
  log[20] ^= 1;
  log[4096 + 20] ^= 1;
  writeFileSync(walPath, log);
  const { code, stdout } = await runCli(t, [...db, 'verify']);
  t.is(code, 1);
  t.regex(stdout, /^damage {2}.*test\.wal: Both headers of the log are damaged/);
});

test('what could not be looked at is exit code 2', async (t) => {
  const { folder, db } = await useDatabase(t);
  const other = await useDatabase(t);
  for (const wal of [other.walPath, join(folder, 'none.wal'), join(folder, 'test_shard0.db')]) {
    const { code, stdout } = await runCli(t, [...db, '--wal', wal, 'verify', '--json']);
    const { result, findings } = JSON.parse(stdout);
    t.deepEqual(
      [code, result, findings.at(-1).severity, findings.at(-1).path],
      [2, 'unchecked', 'unchecked', wal],
    );
  }
});

test('a copy without its log is whole, and the report says so', async (t) => {
  const { folder, db, walPath } = await useDatabase(t);
  rmSync(walPath);
  const { code, stdout } = await runCli(t, [...db, 'verify'], { cwd: folder });
  t.is(code, 0);
  t.regex(stdout, /^note {2}test: No log was found/);
});

test('ids that are no texts, as kimdb 7 stored Buffers, are told by what meets them, and mended as migration.md says', async (t) => {
  const env = useSqliteTool(t);
  if (env === undefined) return t.pass();
  const folder = useFolder(t);
  const paths = pathsIn(folder);
  const made = openSimple(t, paths);
  await made.setMany('files', [
    ['f0', { n: 0 }],
    ['f1', { n: 1 }],
  ]);
  const home = made.db.getShardIndex('f1');
  made.close();
  const sqlite = (statement) => spawnSync('sqlite3', [shardOf(folder, home), statement], { env });
  t.is(sqlite("UPDATE files SET id = x'6631ff' WHERE id = 'f1'").status, 0);

  const opened = openSimple(t, paths);
  const error = await t.throwsAsync(opened.getAll('files'), { code: 'KIMDB_CORRUPT' });
  t.regex(error.message, /Invalid column type Blob.*name: id; a row has no text as its id.*give it a text/);
  opened.close();
  const db = ['--db', paths.dbPath];
  const dumped = await runCli(t, [...db, 'dump']);
  t.is(dumped.code, 2);
  t.regex(dumped.stderr, /a row has no text as its id.*give it a text/);
  const verified = await runCli(t, [...db, 'verify']);
  t.is(verified.code, 1);
  t.regex(
    verified.stdout,
    /A row of the table 'files' has no text as its id \(Blob\); give it a text, or delete it\./,
  );

  t.is(sqlite("UPDATE files SET id = lower(hex(id)) WHERE typeof(id) = 'blob'").status, 0);
  for (const to of ['9', '8']) t.is((await runCli(t, [...db, 'reshard', '--to', to])).code, 0);
  t.is((await runCli(t, [...db, 'verify'])).code, 0);
  const mended = openSimple(t, paths);
  t.deepEqual((await mended.get('files', '6631ff')).data, { n: 1 });
  t.is((await mended.getAll('files')).length, 2);
});
