// Storage that takes 20 ms for each operation: the event loop never waits for it.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runProgram } from './helpers/child.mjs';
import { openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { useSqliteTool } from './helpers/sqlite.mjs';

const SOURCE = fileURLToPath(new URL('programs/slow.c', import.meta.url));
/** The writes that wait for room wait for longer than this, and flushes take much less than it from one step to the next. */
const WRITE_TIMEOUT = 3000;
const linuxTest = process.platform === 'linux' ? test : test.skip;

for (const walBackend of ['mmap', 'pwrite']) {
  linuxTest.serial(`no operation on slow storage is the main thread’s (${walBackend})`, (t) =>
    countOperations(t, walBackend),
  );
}

async function countOperations(t, walBackend) {
  const folder = useFolder(t);
  const [library, control] = [join(folder, 'slow.so'), join(folder, 'control')];
  const built = spawnSync('cc', ['-shared', '-fPIC', '-o', library, SOURCE, '-ldl'], { encoding: 'utf8' });
  t.is(built.status, 0, built.stderr);
  writeFileSync(control, Buffer.alloc(64));
  const data = join(folder, 'data');
  const env = { ...process.env, LD_PRELOAD: library, KIMDB_SLOW_FOLDER: data, KIMDB_SLOW_CONTROL: control };
  const options = {
    ...pathsIn(data),
    walBackend,
    walSize: 2 ** 20,
    shardCount: 4,
    batchSize: 4,
    writeTimeout: WRITE_TIMEOUT,
    logger: false,
  };
  const args = { options, control, documents: 4000, delayMs: 20 };
  const { code, lines, stderr } = await runProgram(t, 'slow.mjs', args, { env });
  t.is(code, 0, stderr);
  const { calls, full, stored } = JSON.parse(lines[0]);
  for (const [name, { operations, p99, max }] of Object.entries({ calls, full })) {
    const { ofMain, ofOthers, last } = operations;
    t.log(
      `${name}: ${ofOthers} operations, loop delay p99 ${p99.toFixed(1)} ms, longest ${max.toFixed(1)} ms`,
    );
    t.is(ofMain, 0, `${name}: the last of them was ${last}`);
    t.true(ofOthers > 50, `${name}: the storage was slow`);
  }
  t.deepEqual(calls.result, {
    cold: 2000,
    updated: 50,
    many: 1000,
    nobody: null,
    deleted: null,
    synced: 1,
    all: 1,
  });
  const { longestMs, ...rest } = full.result;
  t.deepEqual(rest, { waited: true, seen: 40, of: 40 });
  t.true(longestMs > WRITE_TIMEOUT, `waiting for as long as flushes get on: ${longestMs} ms`);
  t.is(stored, 800);
}

const IDS = Array.from({ length: 500 }, (_, i) => `u${i}`);

/** A database with documents that nobody has read since it was opened. */
async function openCold(t) {
  const paths = pathsIn(useFolder(t));
  const db = openSimple(t, paths);
  await db.setMany(
    'users',
    IDS.map((id, i) => [id, { i }]),
  );
  db.close();
  return openSimple(t, paths);
}

test('reads that are open when the database is closed are answered', async (t) => {
  const db = await openCold(t);
  const other = openSimple(t, { dbPath: db.db.config.dbPath, walPath: db.db.config.walPath });
  const reads = [
    ...IDS.map((id) => db.get('users', id)),
    db.getMany('users', IDS).then(({ length }) => length),
  ];
  db.close();
  // The engine goes on for the other instance, and forgets nothing of what this one asked for.
  const results = await Promise.allSettled(reads);
  for (const [i, { value, reason }] of results.entries()) {
    if (reason !== undefined) t.is(reason.code, 'KIMDB_CLOSED');
    else if (i === IDS.length) t.is(value, IDS.length);
    else t.deepEqual(value, { id: IDS[i], data: { i }, _version: 1 });
  }
  // Five hundred documents take a disk a second only where it is slow.
  t.true(results.filter(({ status }) => status === 'fulfilled').length > 0);
  t.is((await other.get('users', 'u1')).data.i, 1);
});

test('what the first reads give is what every read gives', async (t) => {
  const db = await openCold(t);
  const missing = await db.get('users', 'nobody');
  const first = await Promise.all(IDS.map((id) => db.get('users', id)));
  const again = await Promise.all(IDS.map((id) => db.get('users', id)));
  t.is(missing, null);
  t.deepEqual(first, again);
  first[0].data.i = 'changed';
  t.is((await db.get('users', IDS[0])).data.i, 0, 'each read is an object of its own');
  t.like(db.stats(), { cacheMisses: IDS.length + 1 });
});

test('a document in a shard that is no JSON fails its own read', async (t) => {
  const env = useSqliteTool(t);
  if (env === undefined) return t.pass();
  const paths = pathsIn(useFolder(t));
  const db = openSimple(t, { ...paths, shardCount: 1 });
  await db.setMany('users', [
    ['good', 1],
    ['bad', 2],
  ]);
  db.close();
  const file = paths.dbPath.replace(/\.db$/, '_shard0.db');
  const changed = spawnSync('sqlite3', [file, "UPDATE users SET data = '{' WHERE id = 'bad'"], { env });
  t.is(changed.status, 0);
  const again = openSimple(t, paths);
  const [bad, good] = await Promise.allSettled([again.get('users', 'bad'), again.get('users', 'good')]);
  t.like(bad.reason, { name: 'KimDBError', code: 'KIMDB_CORRUPT', collection: 'users', id: 'bad' });
  t.is(good.value.data, 1);
  return undefined;
});
