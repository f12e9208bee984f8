// _version counts the writes since the document was created, wherever it is read from.

import test from 'ava';
import { manualFlush, openHyper, openSimple, pathsIn, useFolder } from './helpers/database.mjs';

test('each write counts, buffered or flushed', async (t) => {
  const db = openSimple(t, manualFlush);
  for (let version = 1; version <= 12; version++) {
    await db.set('users', 'u1', version);
    if (version % 5 === 0) await db.flush();
    t.like(await db.get('users', 'u1'), { data: version, _version: version });
  }
});

test('each kind of write counts', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('users', 'u1', 1);
  await db.setSync('users', 'u1', 2);
  await db.setMany('users', [
    ['u1', 3],
    ['u1', 4],
  ]);
  db.db.write('users', 'u1', 5);
  db.db.writeSync('users', 'u1', 6);
  db.db.writeBatch('users', [['u1', 7]]);
  t.like(await db.get('users', 'u1'), { data: 7, _version: 7 });
  t.like(await db.getSync('users', 'u1'), { data: 7, _version: 7 });
});

test('a deleted document starts anew', async (t) => {
  const db = openSimple(t, manualFlush);
  for (const flush of [() => {}, () => db.flush()]) {
    await db.set('users', 'u1', 1);
    await db.set('users', 'u1', 2);
    await flush();
    t.is((await db.get('users', 'u1'))._version, 2);
    await db.delete('users', 'u1');
    await flush();
    await db.set('users', 'u1', 3);
    t.is((await db.get('users', 'u1'))._version, 1);
    await db.flush();
    t.is((await db.get('users', 'u1'))._version, 1);
    await db.deleteMany('users', ['u1']);
  }
});

test('the same in the buffer, the cache, the shard, getMany, getAll and after reopening', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const db = openSimple(t, options);
  for (let i = 0; i < 20; i++) {
    for (let n = 0; n <= i; n++) await db.set('users', i, n);
  }
  const ids = Array.from({ length: 20 }, (_, i) => i);
  const check = async (opened, state) => {
    for (const i of ids) t.is((await opened.get('users', i))._version, i + 1, state);
    const many = await opened.getMany('users', ids);
    t.deepEqual(
      many.map(({ _version }) => _version),
      ids.map((i) => i + 1),
      state,
    );
  };
  await check(db, 'buffered');
  await db.flush();
  await check(db, 'flushed');
  db.db.readCache.clear();
  await check(db, 'from the shard');
  await check(db, 'cached');
  for (const { id, _version } of await db.getAll('users')) t.is(_version, Number(id) + 1);
  db.close();
  await check(openSimple(t, options), 'reopened');
});

test('a version that is read and then written on goes on from there', (t) => {
  const db = openHyper(t, manualFlush);
  db.write('users', 'u1', 1);
  db.flushSync();
  db.readCache.clear();
  db.write('users', 'u1', 2);
  db.write('users', 'u1', 3);
  t.is(db.read('users', 'u1')._version, 3);
  db.flushSync();
  t.is(db.read('users', 'u1')._version, 3);
});

test('writes of many keys in random order, compared with a model', async (t) => {
  const db = openSimple(t, { flushInterval: 1, bufferSize: 50 });
  const model = new Map();
  let seed = 12345;
  const random = (below) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return seed % below;
  };
  for (let i = 0; i < 20_000; i++) {
    const id = `k${random(200)}`;
    if (random(5) === 0) {
      db.delete('keys', id);
      model.delete(id);
    } else {
      db.set('keys', id, i);
      model.set(id, { data: i, version: (model.get(id)?.version ?? 0) + 1 });
    }
    if (i % 50 === 0) {
      const found = await db.get('keys', id);
      t.deepEqual([found?.data, found?._version], [model.get(id)?.data, model.get(id)?.version]);
    }
  }
  const all = await db.getAll('keys', Number.POSITIVE_INFINITY);
  t.is(all.length, model.size);
  for (const { id, data, _version } of all) t.deepEqual({ data, version: _version }, model.get(id));
});
