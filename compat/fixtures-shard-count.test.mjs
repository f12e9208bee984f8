// Data of kimdb 7 opened under another shardCount than it was made with.

import test from 'ava';
import { filesIn, openSimple } from '../__test__/helpers/database.mjs';
import { throwsCode } from '../__test__/helpers/errors.mjs';
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

test('number ids, stripped names, pages of other sizes and unflushed writes come along', async (t) => {
  for (const name of ['number-ids', 'stripped', 'page-sizes', 'killed', 'unstorable', 'torn']) {
    await opens(t, name, { shardCount: 5 });
  }
});

test('shards with tables of other programs are not moved, and stay as they are', async (t) => {
  const { folder, options, expected } = useFixture(t, 'other-tables');
  const before = filesIn(folder).filter((name) => name.endsWith('.db'));
  const error = throwsCode(
    t,
    () => openSimple(t, { ...options, shardCount: 5 }),
    'KimDBError',
    'KIMDB_SHARD_COUNT',
  );
  t.regex(error.message, /also holds the table 'audit'.*move that to a database of its own/);
  t.deepEqual(
    filesIn(folder).filter((name) => name.endsWith('.db')),
    before,
  );
  const { shardCount, ...rest } = options;
  await checkDocuments(t, openSimple(t, rest), expected);
});
