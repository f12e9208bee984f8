// Folders that kimdb 7 left, opened with this one: every document is there.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { openSimple } from '../__test__/helpers/database.mjs';
import { checkDocuments, opens, useFixture } from './helpers/fixtures.mjs';

test('all options at their defaults', async (t) => {
  await opens(t, 'default');
});

test('a process killed in the middle of writes', async (t) => {
  await opens(t, 'killed');
});

test('a torn last line of buffer.wal', async (t) => {
  await opens(t, 'torn');
});

test('names that kimdb 7 could not store, which ended the process', async (t) => {
  await opens(t, 'unstorable');
});

test('names that kimdb 7 stripped', async (t) => {
  const { db } = await opens(t, 'stripped');
  // They shared a table until one of them is written to; it is that one's from then on.
  await db.set('ab', 'third', { by: 'ab' });
  t.is((await db.getAll('ab')).length, 4);
  t.deepEqual(await db.getAll('a-b'), []);
});

test('tables, views, indexes and triggers of other programs', async (t) => {
  const { db } = await opens(t, 'other-tables');
  for (const shard of db.db.shards.values()) {
    const count = (what) => shard.prepare(`SELECT count(*) AS count FROM ${what}`).get().count;
    t.is(count('notes'), 1);
    t.is(count('"a table"'), 0);
    t.true(count('adults') > 0);
    t.true(count('audit') > 0);
    t.is(shard.pragma('integrity_check', { simple: true }), 'ok');
  }
  const noted = () =>
    [...db.db.shards.values()].map((shard) => shard.prepare('SELECT * FROM audit').all().length);
  const before = noted().reduce((sum, count) => sum + count);
  await db.setMany('users', [
    ['new 1', { age: 1 }],
    ['new 2', { age: 2 }],
  ]);
  await db.flush();
  t.is(
    noted().reduce((sum, count) => sum + count),
    before + 2,
  );
});

test('shards with pages of other sizes keep them', async (t) => {
  const { db } = await opens(t, 'page-sizes');
  for (let i = 0; i < 40; i++) await db.set('users', `new ${i}`, { text: 'x'.repeat(1000) });
  await db.flush();
  const sizes = [...db.db.shards.values()].map((shard) => shard.pragma('page_size', { simple: true }));
  t.deepEqual(sizes, [512, 1024, 16384, 32768]);
  t.is((await db.getAll('users', 1000)).length, 85);
});

test('another shardCount', async (t) => {
  await opens(t, 'four-shards');
});

test('what kimdb 7 left may be opened without the log, too', async (t) => {
  const { options, expected } = useFixture(t, 'killed');
  const db = openSimple(t, { ...options, safeMode: false });
  await checkDocuments(t, db, expected);
});

test("a log elsewhere than kimdb 7's is not looked for, and stays where it is", async (t) => {
  const { folder, options, expected } = useFixture(t, 'torn');
  const db = openSimple(t, { ...options, walPath: join(folder, 'other.wal') });
  t.is(db.stats().recoveredWrites, 0);
  db.close();
  t.true(existsSync(options.walPath));
  await checkDocuments(t, openSimple(t, options), expected);
});
