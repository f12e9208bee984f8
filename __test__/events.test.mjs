// The events `flush` and `error`, and errors that nobody listens to.

import { EventEmitter, errorMonitor } from 'node:events';
import { createRequire } from 'node:module';
import test from 'ava';
import { KimDBError } from 'kimdb/hyperscale';
import { runProgram } from './helpers/child.mjs';
import { manualFlush, openHyper, openSimple, until, useFolder } from './helpers/database.mjs';
import { useUnreliableShard } from './helpers/fixtures.mjs';

const { Events } = createRequire(import.meta.url)('../lib/events.js');

function listen(db) {
  const events = [];
  db.on('flush', (info) => events.push(info));
  return events;
}

// flush

test('a listener must be a function', (t) => {
  const db = openSimple(t);
  for (const method of ['on', 'once', 'off', 'addListener', 'removeListener']) {
    const error = t.throws(() => db[method]('flush', 'listener'), { instanceOf: TypeError });
    t.is(typeof error.code, 'string');
  }
});

test('flush carries the count and the time', async (t) => {
  const db = openHyper(t, manualFlush);
  const events = listen(db);
  db.write('users', 'u1', 1);
  db.write('users', 'u2', 2);
  await db.flush();
  t.is(events.length, 1);
  t.is(events[0].count, 2);
  t.is(typeof events[0].time, 'number');
  t.true(events[0].time >= 0);
  t.deepEqual(Object.keys(events[0]).sort(), ['count', 'time']);
});

test('flush is emitted before flush(), flushSync() and close() are over', async (t) => {
  const db = openHyper(t, manualFlush);
  const events = listen(db);
  db.write('users', 'u1', 1);
  await db.flush();
  t.is(events.length, 1);
  db.write('users', 'u1', 2);
  db.flushSync();
  t.is(events.length, 2);
  db.write('users', 'u1', 3);
  db.close();
  t.is(events.length, 3);
  t.deepEqual(
    events.map(({ count }) => count),
    [1, 1, 1],
  );
});

test('no flush is emitted when nothing is buffered', async (t) => {
  const db = openHyper(t, { flushInterval: 1 });
  const events = listen(db);
  await db.flush();
  db.flushSync();
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.deepEqual(events, []);
});

test('flush is emitted for flushes that the engine starts', async (t) => {
  const db = openHyper(t, { ...manualFlush, flushInterval: 10 });
  const events = listen(db);
  for (let i = 0; i < 100; i++) db.write('users', `u${i}`, i);
  await until(() => events.reduce((sum, { count }) => sum + count, 0) === 100);
  t.is(db.getStats().flushedWrites, 100);
});

test('SimpleDB forwards listeners and returns itself', async (t) => {
  const db = openSimple(t, manualFlush);
  const calls = [];
  const kept = () => calls.push('kept');
  const removed = () => calls.push('removed');
  t.is(db.on('flush', kept), db);
  t.is(
    db.once('flush', () => calls.push('once')),
    db,
  );
  t.is(db.addListener('flush', removed), db);
  t.is(db.removeListener('flush', removed), db);
  t.is(db.on('flush', removed), db);
  t.is(db.off('flush', removed), db);
  for (let round = 0; round < 2; round++) {
    await db.set('users', 'u1', round);
    await db.flush();
  }
  t.deepEqual(calls, ['kept', 'once', 'kept']);
  t.is(db.db.listenerCount('flush'), 1);
});

test('a listener can use the database', async (t) => {
  const db = openHyper(t, manualFlush);
  const seen = [];
  db.once('flush', () => {
    db.write('users', 'u2', 2);
    db.flushSync();
    seen.push(db.read('users', 'u2'));
  });
  db.write('users', 'u1', 1);
  await db.flush();
  t.deepEqual(seen, [{ id: 'u2', data: 2, _version: 1 }]);
});

test('a listener can close the database', async (t) => {
  const db = openHyper(t, manualFlush);
  db.on('flush', () => db.close());
  db.write('users', 'u1', 1);
  await db.flush();
  t.throws(() => db.getStats(), { code: 'KIMDB_CLOSED' });
});

test('what a listener throws is an uncaught exception, and flush() resolves all the same', async (t) => {
  const { code, lines } = await runProgram(t, 'throwing-listener.mjs', {}, { cwd: useFolder(t) });
  t.is(code, 0);
  t.deepEqual(lines, ['uncaught: mine', 'flushed 1', 'uncaught: mine', 'flushed 2']);
});

// error

test('a flush that fails is an error event, is tried again, and loses nothing', async (t) => {
  const db = openHyper(t, { ...useUnreliableShard(t), flushInterval: 5 });
  const errors = [];
  db.on('error', (error) => errors.push(error));
  for (let i = 0; i < 12; i++) {
    db.write('unreliable', `u${i}`, i);
    await db.flush().catch((error) => errors.push(error));
    t.is(db.read('unreliable', `u${i}`).data, i);
    await until(() => db.getBufferSize() === 0);
  }
  t.true(errors.length > 0);
  for (const error of errors) {
    t.true(error instanceof KimDBError);
    t.regex(error.code, /^KIMDB_/);
    t.is(error.shard, 0);
  }
  t.is(db.shards.get(0).prepare('SELECT count(*) AS c FROM unreliable').get().c, 12);
});

test('errors without a listener are one warning and never end the process', async (t) => {
  const options = useUnreliableShard(t);
  const { code, lines, stderr } = await runProgram(t, 'no-error-listener.mjs', options);
  t.is(code, 0, stderr);
  t.is(lines.filter((line) => line.startsWith('KimDBWarning KIMDB_')).length, 1);
  t.is(lines.at(-1), '12 stored');
});

test('Events: who watches errors hears of them, and does not take care of them', async (t) => {
  const emitter = new EventEmitter();
  const watched = [];
  emitter.on(errorMonitor, (error) => watched.push(error.code));
  const events = new Events(emitter);
  const warned = new Promise((resolve) => process.once('warning', resolve));
  const event = { type: 'error', error: Object.assign(new Error('no space'), { code: 'KIMDB_DISK_FULL' }) };
  events.tell(event);
  t.is((await warned).code, 'KIMDB_DISK_FULL');
  emitter.on('error', () => {});
  events.tell(event);
  t.deepEqual(watched, ['KIMDB_DISK_FULL', 'KIMDB_DISK_FULL'], 'once each');
});

test('Events: errors reach their listeners, and only their absence is a warning', (t) => {
  const emitter = new EventEmitter();
  const errors = [];
  emitter.on('error', (error) => errors.push(error));
  const event = {
    type: 'error',
    error: Object.assign(new Error('no space'), { code: 'KIMDB_DISK_FULL', shard: 3, cause: 'ENOSPC' }),
  };
  new Events(emitter).tell(event);
  t.is(errors.length, 1);
  t.true(errors[0] instanceof KimDBError);
  t.like(errors[0], { message: 'no space', code: 'KIMDB_DISK_FULL', shard: 3 });
  t.true(errors[0].cause instanceof Error);
  t.is(errors[0].cause.message, 'ENOSPC');
});
