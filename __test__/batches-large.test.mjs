// Batches of many documents, and batches that fill the log.

import test from 'ava';
import { manualFlush, openSimple, pathsIn, useFolder } from './helpers/database.mjs';

test('a large batch is flushed, counted and reopened', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const db = openSimple(t, options);
  const entries = Array.from({ length: 50_000 }, (_, i) => [`u${i}`, { i }]);
  t.is((await db.setMany('users', entries)).length, 50_000);
  t.is((await db.get('users', 'u49999')).data.i, 49_999);
  await db.flush();
  t.is(db.stats().flushedWrites, 50_000);
  db.close();
  const again = openSimple(t, options);
  t.is((await again.getAll('users', Number.POSITIVE_INFINITY)).length, 50_000);
  const found = await again.getMany(
    'users',
    entries.map(([id]) => id),
  );
  t.true(found.every((document, i) => document.data.i === i && document._version === 1));
});

test('a batch larger than the log is in order with other writes', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush, walSize: 2 ** 20 };
  const db = openSimple(t, options);
  const text = 'x'.repeat(1000);
  const entries = Array.from({ length: 3000 }, (_, i) => [`u${i}`, { i, text }]);
  const before = db.set('users', 'u0', 'before');
  const batch = db.setMany('users', entries);
  const after = db.set('users', 'u1', 'after');
  t.is((await batch).length, 3000);
  await Promise.all([before, after]);
  db.db.writeBatch('users', entries.slice(2));
  t.like(await db.get('users', 'u0'), { data: { i: 0, text }, _version: 2 });
  t.like(await db.get('users', 'u1'), { data: 'after', _version: 2 });
  t.like(await db.get('users', 'u2'), { data: { i: 2, text }, _version: 2 });
  db.close();
  const again = openSimple(t, options);
  t.is((await again.getAll('users', Number.POSITIVE_INFINITY)).length, 3000);
  t.like(await again.get('users', 'u1'), { data: 'after', _version: 2 });
  t.like(await again.get('users', 'u2999'), { data: { i: 2999, text }, _version: 2 });
});

test('batches that fill the log again and again keep their order with other writes', async (t) => {
  const options = { ...pathsIn(useFolder(t)), walSize: 2 ** 20 };
  const db = openSimple(t, options);
  const text = 'x'.repeat(1000);
  const writes = [];
  for (let round = 0; round < 20; round++) {
    const entries = Array.from({ length: 300 }, (_, i) => [`u${i}`, { round, text }]);
    writes.push(db.setMany('users', entries), db.set('users', 'u0', { round, text: 'after' }));
  }
  t.like(await db.get('users', 'u0'), { data: { round: 19, text: 'after' }, _version: 40 });
  for (const result of await Promise.all(writes)) t.truthy(result);
  db.close();
  const again = openSimple(t, options);
  t.like(await again.get('users', 'u0'), { data: { round: 19, text: 'after' }, _version: 40 });
  t.like(await again.get('users', 'u299'), { data: { round: 19, text }, _version: 20 });
  t.is((await again.getAll('users', 1000)).length, 300);
});
