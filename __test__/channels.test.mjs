// The channels of node:diagnostics_channel: what is told, and that nothing is made which nobody gets.

import diagnostics from 'node:diagnostics_channel';
import { cpSync } from 'node:fs';
import test from 'ava';
import { HyperScaleDB, KimDBError, SimpleDB } from 'kimdb/hyperscale';
import { manualFlush, openSimple, pathsIn, sleep, until, useFolder } from './helpers/database.mjs';
import { flushAtLast, useUnreliableShard } from './helpers/fixtures.mjs';

const NAMES = ['open', 'recover', 'flush', 'sync', 'retry', 'error', 'close'];

/** Messages about one database from now on. Tests run at the same time, so others are told too. */
function listen(t, dbPath, names = NAMES) {
  const messages = [];
  for (const name of names) {
    const listener = (message, channel) => {
      if (message.dbPath === dbPath) messages.push([channel, message]);
    };
    diagnostics.subscribe(`kimdb:${name}`, listener);
    t.teardown(() => diagnostics.unsubscribe(`kimdb:${name}`, listener));
  }
  return messages;
}

const named = (messages, name) =>
  messages.filter(([channel]) => channel === `kimdb:${name}`).map(([, message]) => message);

test.serial('from opening to closing', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush, shardCount: 2 };
  const messages = listen(t, options.dbPath);
  const db = openSimple(t, options);
  t.deepEqual(
    messages.map(([channel]) => channel),
    ['kimdb:open'],
  );
  const [[, opened]] = messages;
  t.is(opened.db, db.db);
  t.like(opened, { dbPath: options.dbPath, shardCount: 2 });
  t.true(opened.time > 0);

  await db.set('users', 'u1', 1);
  await db.set('users', 'u2', 2);
  await db.flush();
  await until(() => named(messages, 'flush').length === 1 && named(messages, 'sync').length > 0);
  t.like(named(messages, 'flush')[0], { db: db.db, count: 2 });
  t.true(named(messages, 'flush')[0].time > 0);
  t.true(named(messages, 'sync').every(({ time }) => time > 0));

  db.close();
  db.close();
  const [closed, ...more] = named(messages, 'close');
  t.like(closed, { db: db.db, error: null });
  t.true(closed.time > 0);
  t.deepEqual(more, []);
});

test.serial('a database that was never open is not closed', (t) => {
  const options = pathsIn(useFolder(t));
  const messages = listen(t, options.dbPath);
  new HyperScaleDB(options).close();
  t.deepEqual(messages, []);
});

test.serial('what was recovered', async (t) => {
  const folder = useFolder(t);
  const db = openSimple(t, { ...pathsIn(folder), ...manualFlush });
  for (let i = 0; i < 7; i++) await db.set('users', `u${i}`, { i });
  // As a kill would leave it.
  const copy = useFolder(t);
  cpSync(folder, copy, { recursive: true });
  const options = { ...pathsIn(copy), logger: false };
  const messages = listen(t, options.dbPath);
  const again = openSimple(t, options);
  t.deepEqual(
    messages.map(([channel]) => channel),
    ['kimdb:recover', 'kimdb:open'],
  );
  t.like(messages[0][1], { db: again.db, count: 7 });
});

test.serial('errors, and what is tried again', async (t) => {
  const options = { ...useUnreliableShard(t), flushInterval: 5 };
  const messages = listen(t, options.dbPath);
  const db = openSimple(t, options);
  const errors = [];
  db.on('error', (error) => errors.push(error));
  for (let i = 0; errors.length === 0; i++) {
    await db.set('unreliable', `u${i}`, { i });
    await sleep(10);
  }
  await until(() => named(messages, 'error').length === errors.length);
  t.deepEqual(
    named(messages, 'error').map(({ error }) => error),
    errors,
  );
  await until(() => named(messages, 'retry').length > 0);
  const [{ error, db: about }] = named(messages, 'retry');
  t.true(error instanceof KimDBError);
  t.deepEqual([error.code, error.shard, about], [errors[0].code, 0, db.db]);
  // So that it can be closed.
  await flushAtLast(db);
});

test.serial('a sync is told as long as somebody subscribes', async (t) => {
  const options = { ...pathsIn(useFolder(t)), flushInterval: 5 };
  const db = openSimple(t, options);
  const write = () => db.setSync('users', 'u1', { at: Date.now() });
  const heard = [];
  const listener = ({ dbPath }) => {
    if (dbPath === options.dbPath) heard.push(dbPath);
  };
  await write();
  diagnostics.subscribe('kimdb:sync', listener);
  // From the next flush on.
  for (let i = 0; i < 1000 && heard.length === 0; i++) await write();
  t.true(heard.length > 0);
  diagnostics.unsubscribe('kimdb:sync', listener);
  const before = heard.length;
  await write();
  t.is(heard.length, before);
});

test.serial('a subscriber that throws stops nothing', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const listener = ({ dbPath }) => {
    if (dbPath === options.dbPath) throw new Error('a fault of the subscriber');
  };
  const thrown = [];
  const before = process.rawListeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error.message));
  diagnostics.subscribe('kimdb:flush', listener);
  try {
    const db = new SimpleDB(options);
    await db.set('users', 'u1', 1);
    await db.flush();
    await until(() => thrown.length > 0);
    t.is(db.stats().bufferSize, 0);
    db.close();
  } finally {
    diagnostics.unsubscribe('kimdb:flush', listener);
    process.removeAllListeners('uncaughtException');
    for (const one of before) process.on('uncaughtException', one);
  }
  t.deepEqual([...new Set(thrown)], ['a fault of the subscriber']);
});
