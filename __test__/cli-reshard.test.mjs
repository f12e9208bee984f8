// The command line: another number of shards.

import test from 'ava';
import { parseLines, runCli } from './helpers/cli.mjs';
import { filesIn, openSimple, pathsIn, useFolder } from './helpers/database.mjs';

const DOCUMENTS = 1000;

async function useDatabase(t) {
  const folder = useFolder(t);
  const paths = pathsIn(folder);
  const db = openSimple(t, paths);
  await db.setMany(
    '회원',
    Array.from({ length: DOCUMENTS }, (_, i) => [`아이디 ${i}`, { n: i }]),
  );
  db.close();
  return { folder, db: ['--db', paths.dbPath] };
}

const shardsIn = (folder) => filesIn(folder).filter((name) => /_shard\d+\.db$/.test(name)).length;

const contentOf = async (t, db) =>
  parseLines((await runCli(t, [...db, 'dump'])).stdout)
    .map((line) => JSON.stringify(line))
    .sort();

test('reshard moves the documents, and every command uses the new number', async (t) => {
  const { folder, db } = await useDatabase(t);
  const before = await contentOf(t, db);
  for (const [from, to] of [
    [8, 16],
    [16, 3],
  ]) {
    const moved = await runCli(t, [...db, 'reshard', '--to', String(to), '--json']);
    t.is(moved.code, 0, moved.stderr);
    t.deepEqual(JSON.parse(moved.stdout), { from, to, documents: DOCUMENTS });
    t.true(moved.stderr.includes(`[kimdb] Moving documents from ${from} to ${to} shards...\n`), moved.stderr);
    t.true(moved.stderr.endsWith(`[kimdb] Moved ${DOCUMENTS} documents\n`), moved.stderr);
    t.is(shardsIn(folder), to);
    t.deepEqual(await contentOf(t, db), before, 'with their versions and times');
    const verified = await runCli(t, [...db, 'verify', '--json']);
    t.like(JSON.parse(verified.stdout), { result: 'intact', shards: to, documents: DOCUMENTS });
  }
});

test('reshard to the number that there is does nothing', async (t) => {
  const { folder, db } = await useDatabase(t);
  const same = await runCli(t, [...db, 'reshard', '--to', '8']);
  t.deepEqual([same.code, same.stdout, same.stderr], [0, '', 'The database has 8 shards already.\n']);
  const quiet = await runCli(t, [...db, 'reshard', '--to', '8', '--quiet']);
  t.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, '', '']);
  t.is(shardsIn(folder), 8);
});

test('every command works with the number of shards that the data has', async (t) => {
  const paths = pathsIn(useFolder(t));
  const made = openSimple(t, { ...paths, shardCount: 3 });
  await made.set('users', 'u1', 1);
  made.close();
  const db = ['--db', paths.dbPath];
  t.is((await runCli(t, [...db, 'get', 'users', 'u1'])).stdout, '1\n');
  t.is((await runCli(t, [...db, 'set', 'users', 'u2', '2'])).code, 0);
  t.like(JSON.parse((await runCli(t, [...db, 'stats', '--json'])).stdout), { shards: 3, documents: 2 });
});
