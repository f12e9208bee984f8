// Another process that wants the same database.

import test from 'ava';
import { SimpleDB } from 'kimdb/hyperscale';
import { runProgram, startProgram } from './helpers/child.mjs';
import { openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { throwsCode } from './helpers/errors.mjs';

test('the second process gets KIMDB_LOCKED with the pid of the first', async (t) => {
  const options = pathsIn(useFolder(t));
  const holder = startProgram(t, 'hold.mjs', options);
  t.is(await holder.nextLine(), 'open');
  const error = throwsCode(t, () => new SimpleDB(options), 'KimDBError', 'KIMDB_LOCKED');
  t.true(error.message.includes(String(holder.child.pid)), error.message);
  t.is(typeof error.path, 'string');
});

test('the lock is free the moment its holder is killed', async (t) => {
  const options = pathsIn(useFolder(t));
  const holder = startProgram(t, 'hold.mjs', options);
  t.is(await holder.nextLine(), 'open');
  holder.kill();
  t.is((await holder.ended).signal, 'SIGKILL');
  const db = openSimple(t, options);
  t.is((await db.get('users', 'held')).data, 1);
});

test('close frees the lock', async (t) => {
  const options = pathsIn(useFolder(t));
  const db = openSimple(t, options);
  const refused = await runProgram(t, 'open-once.mjs', options);
  t.deepEqual([refused.code, refused.stdout], [0, 'KIMDB_LOCKED']);
  await db.set('users', 'u1', 1);
  db.close();
  const allowed = await runProgram(t, 'open-once.mjs', options);
  t.deepEqual([allowed.code, allowed.stdout], [0, 'open']);
});

test('a child process does not inherit the lock', async (t) => {
  const options = pathsIn(useFolder(t));
  const parent = startProgram(t, 'leave-child.mjs', options);
  const childPid = Number(await parent.nextLine());
  t.teardown(() => process.kill(childPid, 'SIGKILL'));
  t.is((await parent.ended).code, 0);
  t.notThrows(() => process.kill(childPid, 0), 'the grandchild is alive');
  t.notThrows(() => openSimple(t, options));
});
