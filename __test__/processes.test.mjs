// Several processes with one database, or one that wants it for itself.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SimpleDB } from 'kimdb/hyperscale';
import { runProgram, startProgram } from './helpers/child.mjs';
import { filesIn, manualFlush, openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { throwsCode } from './helpers/errors.mjs';
import { randomFrom } from './helpers/random.mjs';

const DOCUMENTS = 20;
const PROCESSES = Number(process.env.KIMDB_PROCESSES ?? 4);
/** So many lives of a process end by a kill, together. */
const KILLS = Number(process.env.KIMDB_KILLS ?? 40);
const SEED = Number(process.env.KIMDB_SEED ?? Date.now() % 2 ** 31);

/** The lives of a process: killed again and again, and at last left alone. `known`: what each writer told. */
async function liveAndDie(t, { options, mine, kills, random, known }) {
  for (let life = 0; life <= kills; life++) {
    const isLast = life === kills;
    const rounds = isLast ? 20 : 100_000;
    const args = { options, mine, writers: known.length, documents: DOCUMENTS, rounds };
    const process = startProgram(t, 'share.mjs', args);
    const wanted = isLast ? Number.POSITIVE_INFINITY : DOCUMENTS + 1 + random(400);
    for (let seen = 0; seen < wanted; seen++) {
      const line = await process.nextLine();
      if (line === undefined) break;
    }
    if (!isLast) process.kill();
    const { lines, stderr, signal, code } = await process.ended;
    t.deepEqual([signal, code], isLast ? [null, 0] : ['SIGKILL', null], stderr);
    for (const line of lines) {
      const [me, what, i, count] = line.split(' ');
      if (what === 'acked') known[me][i] = Number(count);
      // What was on its way when it was killed may be there as well.
      else if (what === 'start')
        t.true(Number(count) >= known[me][i], `${line}, acknowledged was ${known[me][i]}`);
      else t.is(what, 'closed', line);
    }
  }
}

test.serial('processes write, read and are killed, and no acknowledged write is lost', async (t) => {
  t.timeout(600_000);
  t.log(`KIMDB_SEED=${SEED}`);
  const random = randomFrom(SEED);
  const folder = useFolder(t);
  const options = { ...pathsIn(folder), walSize: 2 ** 20, flushInterval: 20 };
  // Every other process has two threads that write.
  let writers = 0;
  const hosts = Array.from({ length: PROCESSES }, (_, i) =>
    i % 2 === 0 ? [writers++] : [writers++, writers++],
  );
  const known = Array.from({ length: writers }, () => Array(DOCUMENTS).fill(0));
  const kills = Math.floor(KILLS / PROCESSES);
  await Promise.all(hosts.map((mine) => liveAndDie(t, { options, mine, kills, random, known })));
  const db = openSimple(t, { ...options, exclusive: true });
  t.is(db.stats().recoveredWrites, 0, 'all have closed');
  for (const [me, own] of known.entries()) {
    for (const [i, count] of own.entries()) {
      t.is((await db.get('counters', `w${me}-${i}`)).data.count, count, `w${me}-${i}`);
      t.is((await db.get(`own-${me}`, `only-${i}`)).data.count, count, `only-${i} of ${me}`);
    }
  }
  db.close();
  const logs = filesIn(folder).filter((name) => name.startsWith('test.wal'));
  t.deepEqual(logs, ['test.wal'], 'the logs of those who came later are gone');
});

test('a process sees what another has flushed, whatever it had read before', async (t) => {
  const options = pathsIn(useFolder(t));
  const db = openSimple(t, options);
  await db.set('talk', 'a', 'question');
  await db.set('talk', 'b', 'nothing yet');
  const other = startProgram(t, 'poll.mjs', { options, id: 'a', until: 'again', answer: 'answer' });
  t.is(await other.nextLine(), 'open');
  await db.set('talk', 'a', 'again');
  t.is(await other.nextLine(), 'seen');
  let found;
  do {
    found = await db.get('talk', 'a');
  } while (found.data !== 'answer');
  t.deepEqual(found, { id: 'a', data: 'answer', _version: 3 });
});

test('a collection that another process makes is found', async (t) => {
  const options = pathsIn(useFolder(t));
  const db = openSimple(t, options);
  await db.set('first', 'u1', 1);
  t.is(await db.get('counters', 'w0-0'), null);
  const args = { options, mine: [0], writers: 1, documents: 1, rounds: 1 };
  t.is((await runProgram(t, 'share.mjs', args)).code, 0);
  let found = null;
  while (found === null) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    found = await db.get('counters', 'w0-0');
  }
  t.is(found.data.count, 1);
  t.is((await db.getAll('own-0')).length, 1);
});

test('the first read of a collection finds what another process has flushed long ago', async (t) => {
  const options = pathsIn(useFolder(t));
  const db = openSimple(t, options);
  const args = { options, mine: [0], writers: 1, documents: 1, rounds: 1 };
  t.is((await runProgram(t, 'share.mjs', args)).code, 0);
  t.is((await db.get('counters', 'w0-0')).data.count, 1);
});

test('nothing is left of a process that came later and closed', async (t) => {
  const folder = useFolder(t);
  const options = pathsIn(folder);
  const db = openSimple(t, options);
  await db.set('first', 'u1', 1);
  await db.flush();
  const rows = () =>
    [...db.db.shards.values()].map((shard) => shard.prepare('SELECT * FROM _kimdb_log').all());
  const [files, known] = [filesIn(folder), rows()];
  const args = { options, mine: [0], writers: 1, documents: 40, rounds: 3 };
  t.is((await runProgram(t, 'share.mjs', args)).code, 0);
  t.deepEqual([filesIn(folder), rows()], [files, known]);
});

test('a process with another walPath is refused while others have the database open', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const holder = startProgram(t, 'hold.mjs', options);
  t.is(await holder.nextLine(), 'open');
  const other = { ...options, walPath: `${options.walPath}x` };
  const error = throwsCode(t, () => new SimpleDB(other), 'KimDBError', 'KIMDB_OPTION_CONFLICT');
  t.true(error.message.includes(options.walPath), error.message);
  // Where none is given, theirs is used.
  const { walPath, ...rest } = options;
  const db = openSimple(t, rest);
  t.is(db.db.config.walPath, `${walPath}.1`);
});

test('the log of a process that was killed is recovered by the next that opens, also while others have it open', async (t) => {
  const folder = useFolder(t);
  const options = pathsIn(folder);
  const first = openSimple(t, options);
  const killed = startProgram(t, 'hold.mjs', options);
  t.is(await killed.nextLine(), 'open');
  t.true(existsSync(`${options.walPath}.1`));
  killed.kill();
  await killed.ended;
  t.is(await first.get('users', 'held'), null, 'nobody has recovered it yet');
  const next = startProgram(t, 'poll.mjs', { options, id: 'x', until: 'end' });
  t.is(await next.nextLine(), 'open');
  let found = null;
  while (found === null) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    found = await first.get('users', 'held');
  }
  t.is(found.data, 1);
  await first.set('talk', 'x', 'end');
  t.is(await next.nextLine(), 'seen');
  t.is((await next.ended).code, 0);
  t.false(existsSync(`${options.walPath}.1`));
});

/** A process writes beside one without a log, both are killed, and an opening with a third place for the log finds what it wrote. */
async function findsWhatWasWrittenBeside(t, folder) {
  const options = pathsIn(folder);
  const without = startProgram(t, 'hold.mjs', { ...options, safeMode: false });
  t.is(await without.nextLine(), 'open');
  const beside = startProgram(t, 'hold.mjs', { ...options, walPath: join(folder, 'beside.wal') });
  t.is(await beside.nextLine(), 'open');
  for (const holder of [beside, without]) {
    holder.kill();
    await holder.ended;
  }
  const db = openSimple(t, { ...options, walPath: join(folder, 'third.wal') });
  t.is((await db.get('users', 'held'))?.data, 1);
}

test('the log of a process beside one that has none is found, wherever it was', async (t) => {
  await findsWhatWasWrittenBeside(t, useFolder(t));
});

test('where the log was that a process without one does not use is forgotten', async (t) => {
  const folder = useFolder(t);
  openSimple(t, { ...pathsIn(folder), walPath: join(folder, 'earlier.wal') }).close();
  await findsWhatWasWrittenBeside(t, folder);
});

test('exclusive: the second process gets KIMDB_LOCKED with the pid of the first', async (t) => {
  const options = pathsIn(useFolder(t));
  const holder = startProgram(t, 'hold.mjs', { ...options, exclusive: true });
  t.is(await holder.nextLine(), 'open');
  for (const exclusive of [true, false]) {
    const error = throwsCode(t, () => new SimpleDB({ ...options, exclusive }), 'KimDBError', 'KIMDB_LOCKED');
    t.true(error.message.includes(String(holder.child.pid)), error.message);
    t.is(typeof error.path, 'string');
  }
});

test('exclusive: is refused while others have it open, and names them all', async (t) => {
  const options = pathsIn(useFolder(t));
  const holders = [startProgram(t, 'hold.mjs', options), startProgram(t, 'hold.mjs', options)];
  for (const holder of holders) t.is(await holder.nextLine(), 'open');
  const refused = () => new SimpleDB({ ...options, exclusive: true });
  const error = throwsCode(t, refused, 'KimDBError', 'KIMDB_LOCKED');
  for (const holder of holders) t.true(error.message.includes(String(holder.child.pid)), error.message);
  holders[0].kill();
  await holders[0].ended;
  const one = throwsCode(t, refused, 'KimDBError', 'KIMDB_LOCKED');
  t.false(one.message.includes(String(holders[0].child.pid)), 'it is gone');
  holders[1].kill();
  await holders[1].ended;
  t.is((await openSimple(t, { ...options, exclusive: true }).get('users', 'held')).data, 1);
});

test('exclusive: another shardCount is refused while others have the database open', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const holder = startProgram(t, 'hold.mjs', options);
  t.is(await holder.nextLine(), 'open');
  const error = throwsCode(
    t,
    () => new SimpleDB({ ...options, shardCount: 3 }),
    'KimDBError',
    'KIMDB_LOCKED',
  );
  // Alone: the caller, which has come in to look, does not hold itself up.
  t.regex(error.message, new RegExp(`in use by process ${holder.child.pid}; it has 8 shards`));
  t.is(openSimple(t, options).stats().shardCount, 8);
});

test('exclusive: the lock is free the moment its holder is killed', async (t) => {
  const options = { ...pathsIn(useFolder(t)), exclusive: true };
  const holder = startProgram(t, 'hold.mjs', options);
  t.is(await holder.nextLine(), 'open');
  holder.kill();
  t.is((await holder.ended).signal, 'SIGKILL');
  const db = openSimple(t, options);
  t.is((await db.get('users', 'held')).data, 1);
});

test('exclusive: close frees the lock', async (t) => {
  const options = { ...pathsIn(useFolder(t)), exclusive: true };
  const db = openSimple(t, options);
  const refused = await runProgram(t, 'open-once.mjs', options);
  t.deepEqual([refused.code, refused.stdout], [0, 'KIMDB_LOCKED']);
  await db.set('users', 'u1', 1);
  db.close();
  const allowed = await runProgram(t, 'open-once.mjs', options);
  t.deepEqual([allowed.code, allowed.stdout], [0, 'open']);
});

test('a child process does not inherit the lock', async (t) => {
  const options = { ...pathsIn(useFolder(t)), exclusive: true };
  const parent = startProgram(t, 'leave-child.mjs', options);
  const childPid = Number(await parent.nextLine());
  t.teardown(() => process.kill(childPid, 'SIGKILL'));
  t.is((await parent.ended).code, 0);
  t.notThrows(() => process.kill(childPid, 0), 'the grandchild is alive');
  t.notThrows(() => openSimple(t, options));
});
