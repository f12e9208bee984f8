// Calls whose `this` is not the very object that was constructed.

import test from 'ava';
import { HyperScaleDB, SimpleDB } from '../index.mjs';
import { openHyper, openSimple } from './helpers/database.mjs';

/** Wraps all objects that it gives as well, as frameworks do that watch what changes. */
function watched(target) {
  return new Proxy(target, {
    get(object, name, receiver) {
      // A Map's own methods want the very Map.
      const value = Reflect.get(object, name, object instanceof Map ? object : receiver);
      if (typeof value === 'function' && object instanceof Map) {
        return (...values) => watched(value.apply(object, values));
      }
      return typeof value === 'object' && value !== null ? watched(value) : value;
    },
  });
}

/** Replaces all of an object's own properties, as MobX does. */
function replaced(target) {
  for (const name of Reflect.ownKeys(target)) {
    const value = target[name];
    if (!delete target[name]) throw new Error(`'${String(name)}' stays`);
    Object.defineProperty(target, name, { get: () => value, enumerable: true });
  }
  return target;
}

const WAYS = {
  'a Proxy': (db) => new Proxy(db, {}),
  'a Proxy that wraps what it gives': watched,
  'other properties': replaced,
  'an object with the database as its prototype': (db) => Object.create(db),
};

for (const [name, wrap] of Object.entries(WAYS)) {
  test(`SimpleDB works through ${name}`, async (t) => {
    const db = wrap(openSimple(t));
    const flushed = new Promise((resolve) => db.once('flush', resolve));
    await db.set('c', 'a', { a: 1 });
    await db.setSync('c', 'b', { b: 1 });
    await db.setMany('c', [['d', { d: 1 }]]);
    await db.delete('c', 'd');
    await db.flush();
    t.true((await flushed).count > 0);
    t.deepEqual(await db.get('c', 'a'), { id: 'a', data: { a: 1 }, _version: 1 });
    t.deepEqual((await db.getSync('c', 'b')).data, { b: 1 });
    t.is((await db.getAll('c')).length, 2);
    t.is((await db.getMany('c', ['a', 'd']))[1], null);
    t.is(db.stats().bufferedWrites, 4);
    t.true(db.toPrometheus().includes('kimdb_'));
    db.close();
    await t.throwsAsync(db.get('c', 'a'), { code: 'KIMDB_CLOSED' });
  });

  test(`HyperScaleDB works through ${name}`, async (t) => {
    const db = wrap(openHyper(t));
    db.write('c', 'a', { a: 1 });
    db.writeSync('c', 'b', { b: 1 });
    db.writeBatch('c', [{ id: 'd', data: { d: 1 } }]);
    t.is(db.getBufferSize(), 3);
    await db.flush();
    t.deepEqual(db.read('c', 'd').data, { d: 1 });
    t.is(db.config.shardCount, 8);
    t.is(db.stats.bufferedWrites, 3);
    t.is(db.shards.get(0).pragma('journal_mode', { simple: true }), 'wal');
    t.deepEqual(db.shards.get(0).prepare('SELECT 1 AS one').get(), { one: 1 });
    db.close();
    t.throws(() => db.read('c', 'a'), { code: 'KIMDB_CLOSED' });
  });
}

/** The own methods and getters of a class, each as a call with another `this`. */
function callsOf(Class, receiver) {
  const { constructor: _, ...all } = Object.getOwnPropertyDescriptors(Class.prototype);
  return Object.entries(all).map(([name, { get, value = get }]) => {
    return [name, () => Reflect.apply(value, receiver, ['c', 'a', {}])];
  });
}

const codeOf = async (call) => {
  try {
    return await call();
  } catch (error) {
    return error instanceof TypeError && error.message.includes('bind') && error.code;
  }
};

for (const Class of [SimpleDB, HyperScaleDB]) {
  for (const receiver of [undefined, {}]) {
    test(`methods of ${Class.name} called on ${receiver ? 'another object' : 'nothing'} say what to do`, async (t) => {
      const calls = callsOf(Class, receiver);
      t.true(calls.length > 15);
      for (const [name, call] of calls) t.is(await codeOf(call), 'KIMDB_INVALID_RECEIVER', name);
    });
  }
}

test('methods of a shard without it say what to do', (t) => {
  const { pragma, prepare } = openHyper(t).shards.get(0);
  for (const call of [() => pragma('journal_mode'), () => prepare('SELECT 1')]) {
    t.throws(call, { code: 'KIMDB_INVALID_RECEIVER', message: /without its shard.*shard.method.bind/ });
  }
});

test('methods that return promises do not throw without their database', async (t) => {
  const { set, get, sync } = openSimple(t);
  for (const call of [() => set('c', 'a', {}), () => get('c', 'a'), () => sync()]) {
    await t.throwsAsync(call(), { code: 'KIMDB_INVALID_RECEIVER' });
  }
});

test('what an instance keeps is not seen where it is printed or copied', (t) => {
  const db = openSimple(t);
  t.deepEqual(Object.entries(Object.getOwnPropertyDescriptors(db)), []);
  t.deepEqual({ ...db }, {});
  t.is(JSON.stringify(db), '{}');
});
