// The rules of differential/rules.mjs that programs by chance cannot show: what each of the two libraries does.

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import Database from 'better-sqlite3';
import { runModule, runProgram, startCommand } from '../__test__/helpers/child.mjs';
import { manualFlush, pathsIn, useFolder } from '../__test__/helpers/database.mjs';
import { useUnreliableShard } from '../__test__/helpers/fixtures.mjs';
import * as ours from '../index.mjs';
import { rules } from './differential/rules.mjs';
import * as old from './helpers/old.mjs';
import { runOld } from './helpers/old-process.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const shown = new Set();

/** A test of one rule. */
function scenario(name, run) {
  shown.add(name);
  test(`${rules.find((rule) => rule.name === name).heading} (${name})`, run);
}

/** A database in a folder of its own, with a small log; errors of its flushes are nobody's business. */
function open(t, library, options = {}) {
  const small = library === ours ? { walSize: 2 ** 20 } : {};
  const db = new library.SimpleDB({ ...pathsIn(useFolder(t)), ...manualFlush, ...small, ...options });
  db.db.on('error', () => {});
  t.teardown(() => {
    try {
      db.close();
    } catch {
      // kimdb 7 does not like to be closed twice.
    }
  });
  return db;
}

/** 'accepted', or the error's code. */
async function outcome(call) {
  try {
    await call();
    return 'accepted';
  } catch (error) {
    return error.code ?? error.name;
  }
}

const WRONG = [
  [(db) => db.set('', 'a', 1), 'accepted', 'KIMDB_INVALID_COLLECTION'],
  [(db) => db.set(7, 'a', 1), 'accepted', 'KIMDB_INVALID_COLLECTION'],
  [(db) => db.set('users', {}, 1), 'accepted', 'KIMDB_INVALID_ID'],
  [(db) => db.set('users', 'a', undefined), 'accepted', 'KIMDB_INVALID_DATA'],
  [(db) => db.set('users', 'a', () => 1), 'accepted', 'KIMDB_INVALID_DATA'],
  [(db) => db.set('users', 'a', 1n), 'TypeError', 'KIMDB_INVALID_DATA'],
  [(db) => db.get('users', undefined), 'accepted', 'KIMDB_INVALID_ID'],
  [(db) => db.delete('users', undefined), 'accepted', 'KIMDB_INVALID_ID'],
  [(db) => db.getAll('users', 'ten'), 'accepted', 'KIMDB_INVALID_LIMIT'],
  [(db) => db.db.write('users', 'a', 1, 'insert'), 'accepted', 'KIMDB_INVALID_OPERATION'],
];

scenario('unchecked-arguments', async (t) => {
  for (const [call, before, now] of WRONG) {
    t.is(await outcome(() => call(open(t, old))), before, String(call));
    t.is(await outcome(() => call(open(t, ours))), now, String(call));
  }
  for (const options of [
    { shardCount: 1.5 },
    { shardCount: '2' },
    { flushInterval: -1 },
    { bufferSize: 'large' },
  ]) {
    t.is(await outcome(() => open(t, old, options)), 'accepted');
    t.is(await outcome(() => open(t, ours, options)), 'KIMDB_INVALID_OPTION');
  }
});

scenario('random-ids', async (t) => {
  const ids = async (library) => {
    const db = open(t, library);
    const made = [null, undefined, '', null].map((id) => db.set('users', id, 1));
    return (await Promise.all(made)).map(({ id }) => id);
  };
  for (const id of await ids(old)) t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  const sortable = await ids(ours);
  for (const id of sortable) t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  t.deepEqual(sortable.toSorted(), sortable);
});

scenario('number-zero', async (t) => {
  t.regex((await open(t, old).set('users', 0, 1)).id, /^[0-9a-f]{8}-/);
  t.is((await open(t, ours).set('users', 0, 1)).id, '0');
});

scenario('read-errors', async (t) => {
  const damaged = async (library) => {
    const paths = { ...pathsIn(useFolder(t)), shardCount: 1 };
    const db = open(t, library, paths);
    await db.set('users', 'u1', 1);
    db.close();
    const shard = new Database(paths.dbPath.replace('.db', '_shard0.db'));
    shard.exec("UPDATE users SET data = '{'");
    shard.close();
    return open(t, library, paths);
  };
  t.is(await (await damaged(old)).get('users', 'u1'), null);
  await t.throwsAsync((await damaged(ours)).get('users', 'u1'), { code: 'KIMDB_CORRUPT' });
});

scenario('after-close', async (t) => {
  const closed = (library) => {
    const db = open(t, library);
    db.close();
    return db;
  };
  t.is(await outcome(() => closed(old).set('users', 'a', 1)), 'accepted');
  t.is(await outcome(() => closed(ours).set('users', 'a', 1)), 'KIMDB_CLOSED');
  t.is(await outcome(() => closed(old).close()), 'TypeError');
  t.is(await outcome(() => closed(ours).close()), 'accepted');
});

scenario('error-ends-process', async (t) => {
  const options = { ...pathsIn('.'), flushInterval: 10 };
  const steps = [
    ['set', '사용자', 'u1', 1],
    ['sleep', 5000],
  ];
  const before = await runOld(useFolder(t), { options, steps });
  t.is(before.code, 1);
  const now = await runProgram(t, 'no-error-listener.mjs', { ...useUnreliableShard(t), flushInterval: 5 });
  t.is(now.code, 0);
  t.regex(now.stderr, /KimDBWarning/);
});

/** What a process prints that opens a database, stores a document and closes. */
async function printed(t, run, module) {
  const options = pathsIn(useFolder(t));
  const source = `
    const { SimpleDB } = await import('${module}');
    const db = new SimpleDB(${JSON.stringify(options)});
    await db.set('users', 'u1', 1);
    db.close();`;
  const { code, stdout, stderr } = await run(source);
  t.is(code, 0, stderr);
  return stdout;
}

scenario('printed-lines', async (t) => {
  const here = (source) =>
    startCommand(t, process.execPath, ['--input-type=module', '--eval', source], { cwd: HERE }).ended;
  t.deepEqual((await printed(t, here, 'kimdb-old/hyperscale')).split('\n'), [
    '[kimdb] HyperScale Safe module loaded',
    '[kimdb] HyperScale Safe initialized (safeMode: true)',
    '[kimdb] HyperScale Safe closed',
  ]);
  const linked = (source) => runModule(t, useFolder(t), source);
  t.is(await printed(t, linked, 'kimdb/hyperscale'), '');
});

scenario('own-configuration', async (t) => {
  const assigned = (library) => {
    const { db } = open(t, library);
    db.stats.walWrites = 77;
    let seen = 'refused';
    try {
      db.config.batchSize = 5;
      seen = db.config.batchSize;
    } catch {}
    return [seen, db.getStats().walWrites];
  };
  t.deepEqual(assigned(old), [5, 77]);
  t.deepEqual(assigned(ours), ['refused', 0]);
});

const INNER = [
  'writeBuffer',
  'walEnabled',
  'flushTimer',
  'flushing',
  'recoverFromWAL',
  'writeToWAL',
  'getShard',
  'findInBuffer',
  'startFlushing',
  'ensureTable',
  'sanitizeTableName',
];

scenario('inner-members', (t) => {
  const [theirs, db] = [open(t, old).db, open(t, ours).db];
  for (const name of INNER) {
    t.true(name in theirs, name);
    t.false(name in db, name);
  }
});

scenario('read-only-shards', async (t) => {
  const attempts = [
    (shard) => shard.exec('CREATE TABLE mine (x)'),
    (shard) => shard.prepare('CREATE TABLE mine (x)').run(),
    (shard) => shard.pragma('user_version = 7'),
  ];
  for (const attempt of attempts) {
    t.is(await outcome(() => attempt(open(t, old).db.shards.get(0))), 'accepted');
    t.not(await outcome(() => attempt(open(t, ours).db.shards.get(0))), 'accepted', String(attempt));
  }
});

scenario('log-per-process', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const db = open(t, ours, options);
  await db.set('users', 'u1', 1);
  const source = `
    import { SimpleDB } from 'kimdb';
    const options = ${JSON.stringify(options)};
    try { new SimpleDB({ ...options, exclusive: true }); } catch (error) { console.log(error.code); }
    const db = new SimpleDB(options);
    await db.set('users', 'u2', 2);
    db.close();`;
  t.deepEqual((await runModule(t, useFolder(t), source)).lines, ['KIMDB_LOCKED']);
  t.is((await db.get('users', 'u1')).data, 1);
  t.like((await db.getAll('users')).map(({ id }) => id).sort(), ['u1', 'u2']);

  const theirs = { ...pathsIn(useFolder(t)), ...manualFlush };
  const first = open(t, old, theirs);
  await first.set('users', 'u1', 1);
  await runOld(useFolder(t), { options: theirs, steps: [] });
  t.is(readFileSync(theirs.walPath, 'utf8'), '', 'the second process emptied the log of the first');
});

test('every rule that is not a switch of the model has its scenario', (t) => {
  const named = rules.filter((rule) => rule.scenario).map(({ name }) => name);
  t.deepEqual([...shown].sort(), named.sort());
});
