// The methods of SimpleDB for documents, in the order of the API document.

import test from 'ava';
import { manualFlush, openSimple, pathsIn, sleep, useFolder } from './helpers/database.mjs';
import { rejectsCode } from './helpers/errors.mjs';

// set

test('set writes a document that can be read at once', async (t) => {
  const db = openSimple(t, manualFlush);
  t.deepEqual(await db.set('users', 'user123', { name: 'Kim', age: 30 }), { id: 'user123', buffered: true });
  const expected = { id: 'user123', data: { name: 'Kim', age: 30 }, _version: 1, _buffered: true };
  t.deepEqual(await db.get('users', 'user123'), expected);
});

test('set without await takes effect in the order of the calls', async (t) => {
  const db = openSimple(t);
  const writes = [];
  for (let i = 0; i < 100; i++) writes.push(db.set('users', 'u1', i));
  t.is((await db.get('users', 'u1')).data, 99);
  await Promise.all(writes);
  await db.flush();
  t.deepEqual(await db.get('users', 'u1'), { id: 'u1', data: 99, _version: 100 });
});

test('set replaces the document, it does not merge', async (t) => {
  const db = openSimple(t);
  await db.set('users', 'u1', { a: 1 });
  await db.set('users', 'u1', { b: 2 });
  t.deepEqual((await db.getSync('users', 'u1')).data, { b: 2 });
});

// setSync

test('setSync writes to the disk', async (t) => {
  const db = openSimple(t, manualFlush);
  t.deepEqual(await db.setSync('transactions', 'tx001', { amount: 1000 }), { id: 'tx001', synced: true });
  t.like(await db.get('transactions', 'tx001'), { id: 'tx001', data: { amount: 1000 }, _version: 1 });
});

test('many setSync at once', async (t) => {
  const db = openSimple(t);
  const results = await Promise.all(
    Array.from({ length: 500 }, (_, i) => db.setSync('transactions', `tx${i}`, i)),
  );
  for (const [i, result] of results.entries()) t.deepEqual(result, { id: `tx${i}`, synced: true });
  t.is((await db.getAll('transactions', 1000)).length, 500);
});

// get

test('get of what does not exist is null', async (t) => {
  const db = openSimple(t);
  t.is(await db.get('users', 'nobody'), null);
  await db.set('users', 'u1', 1);
  t.is(await db.get('users', 'nobody'), null);
  t.is(await db.get('users', 'U1'), null);
  await db.flush();
  t.is(await db.get('users', 'nobody'), null);
});

test('get has _buffered only while the newest write is not in the shard file', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('users', 'u1', 1);
  t.deepEqual(await db.get('users', 'u1'), { id: 'u1', data: 1, _version: 1, _buffered: true });
  await db.flush();
  t.deepEqual(await db.get('users', 'u1'), { id: 'u1', data: 1, _version: 1 });
  await db.set('users', 'u1', 2);
  t.deepEqual(await db.get('users', 'u1'), { id: 'u1', data: 2, _version: 2, _buffered: true });
  await db.flush();
  t.deepEqual(await db.get('users', 'u1'), { id: 'u1', data: 2, _version: 2 });
});

// getSync

test('getSync flushes, then reads', async (t) => {
  const db = openSimple(t, manualFlush);
  t.is(await db.getSync('users', 'u1'), null);
  await db.set('users', 'u1', 1);
  t.deepEqual(await db.getSync('users', 'u1'), { id: 'u1', data: 1, _version: 1 });
  t.is(db.stats().bufferSize, 0);
  t.is(db.stats().flushedWrites, 1);
});

// delete

test('delete removes the document at once and for ever', async (t) => {
  const folder = useFolder(t);
  const options = { ...pathsIn(folder), ...manualFlush };
  const db = openSimple(t, options);
  await db.set('users', 'u1', 1);
  t.deepEqual(await db.delete('users', 'u1'), { id: 'u1', buffered: true });
  t.is(await db.get('users', 'u1'), null);
  await db.flush();
  t.is(await db.get('users', 'u1'), null);
  db.db.readCache.clear();
  t.is(await db.get('users', 'u1'), null);
  t.deepEqual(await db.getAll('users'), []);
  db.close();
  t.is(await openSimple(t, options).get('users', 'u1'), null);
});

test('delete of a document in the shard file', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('users', 'u1', 1);
  await db.flush();
  await db.delete('users', 'u1');
  t.is(await db.get('users', 'u1'), null);
  t.deepEqual(await db.getMany('users', ['u1']), [null]);
  await db.flush();
  t.is(await db.get('users', 'u1'), null);
});

test('delete of what does not exist resolves the same', async (t) => {
  const db = openSimple(t);
  t.deepEqual(await db.delete('users', 'nobody'), { id: 'nobody', buffered: true });
  await db.flush();
  t.is(await db.get('users', 'nobody'), null);
});

// getAll

test('getAll needs a count', async (t) => {
  const db = openSimple(t);
  for (const limit of ['10', true, {}, [], 10n, () => 1]) {
    await rejectsCode(
      t,
      () => db.getAll('users', limit),
      'TypeError',
      'KIMDB_INVALID_LIMIT',
      /^limit must be an integer/,
    );
  }
  for (const limit of [-1, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 60]) {
    await rejectsCode(
      t,
      () => db.getAll('users', limit),
      'RangeError',
      'KIMDB_INVALID_LIMIT',
      /^limit must be an integer/,
    );
  }
});

test('getAll gives exactly min(limit, count) different documents', async (t) => {
  const db = openSimple(t);
  for (let i = 0; i < 250; i++) await db.set('users', `u${i}`, i);
  const counts = [
    [undefined, 100],
    [null, 100],
    [0, 0],
    [1, 1],
    [2, 2],
    [7, 7],
    [8, 8],
    [9, 9],
    [99, 99],
    [249, 249],
    [250, 250],
    [251, 250],
    [100_000, 250],
    [Number.MAX_SAFE_INTEGER, 250],
    [Number.POSITIVE_INFINITY, 250],
  ];
  for (const [limit, count] of counts) {
    const all = await db.getAll('users', limit);
    t.is(all.length, count, `limit ${limit}`);
    t.is(new Set(all.map(({ id }) => id)).size, count);
    for (const { id, data, _version } of all) t.deepEqual([id, _version], [`u${data}`, 1]);
  }
});

test('getAll flushes: what it gives is not buffered', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('users', 'u1', 1);
  t.deepEqual(await db.getAll('users'), [{ id: 'u1', data: 1, _version: 1 }]);
  t.is(db.stats().flushedWrites, 1);
});

test('getAll sees all writes that were called before it', async (t) => {
  const db = openSimple(t, manualFlush);
  for (let i = 0; i < 50; i++) db.set('users', `u${i}`, i);
  db.delete('users', 'u7');
  const all = await db.getAll('users');
  t.is(all.length, 49);
  t.false(all.some(({ id }) => id === 'u7'));
});

test('getAll gives the last updated first, over all shards', async (t) => {
  const db = openSimple(t, manualFlush);
  const groups = [
    ['a1', 'a2', 'a3', 'a4', 'a5'],
    ['b1', 'b2', 'b3', 'b4', 'b5'],
    ['a2', 'c1', 'c2', 'a4'],
  ];
  for (const group of groups) {
    for (const id of group) await db.set('users', id, id);
    // The column has seconds.
    await sleep(1100);
  }
  const ids = (await db.getAll('users')).map(({ id }) => id);
  t.deepEqual(ids.slice(0, 4).sort(), ['a2', 'a4', 'c1', 'c2']);
  t.deepEqual(ids.slice(4, 9).sort(), ['b1', 'b2', 'b3', 'b4', 'b5']);
  t.deepEqual(ids.slice(9).sort(), ['a1', 'a3', 'a5']);
  t.deepEqual(
    (await db.getAll('users', 3)).map(({ id }) => id),
    ids.slice(0, 3),
  );
});
