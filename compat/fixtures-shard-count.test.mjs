// Data of kimdb 7 opened under another shardCount than it was made with.

import test from 'ava';
import { filesIn, openSimple } from '../__test__/helpers/database.mjs';
import { checkDocuments, opens, useFixture } from './helpers/fixtures.mjs';

test('without the option the count of the data is kept', async (t) => {
  const { options, expected } = useFixture(t, 'four-shards');
  const { shardCount, ...rest } = options;
  const db = openSimple(t, rest);
  t.is(shardCount, 4);
  t.is(db.stats().shardCount, 4);
  await checkDocuments(t, db, expected);
});

for (const shardCount of [1, 2, 8, 16]) {
  test(`from 4 shards to ${shardCount}`, async (t) => {
    const { db } = await opens(t, 'four-shards', { shardCount });
    t.is(db.stats().shardCount, shardCount);
    t.is(db.db.shards.size, shardCount);
  });
}

test('the default 8 written down moves the rows too, and what is in buffer.wal with them', async (t) => {
  const { folder, options, expected } = useFixture(t, 'four-shards');
  const db = openSimple(t, { ...options, shardCount: 8 });
  t.is(db.stats().recoveredWrites, expected.lines);
  await checkDocuments(t, db, expected);
  t.is(filesIn(folder).filter((name) => /_shard\d+\.db$/.test(name)).length, 8);
});

test('number ids, tables of other programs and stripped names come along', async (t) => {
  for (const name of [
    'number-ids',
    'other-tables',
    'stripped',
    'page-sizes',
    'killed',
    'unstorable',
    'torn',
  ]) {
    await opens(t, name, { shardCount: 5 });
  }
});
