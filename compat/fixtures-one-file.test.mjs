// A dbPath without '.db', for which kimdb 7 kept all shards in one file.

import { join } from 'node:path';
import test from 'ava';
import { filesIn, openSimple } from '../__test__/helpers/database.mjs';
import { checkDocuments, opens, useFixture } from './helpers/fixtures.mjs';

test('the documents of the one file are found, and each shard has its file afterwards', async (t) => {
  const { folder } = await opens(t, 'one-file');
  for (let i = 0; i < 8; i++) t.true(filesIn(folder).includes(`store.sqlite_shard${i}.db`));
});

test('nothing comes back: what is deleted or written again stays so', async (t) => {
  const { options, expected } = useFixture(t, 'one-file');
  const first = openSimple(t, options);
  await checkDocuments(t, first, expected);
  for (const [collection, id] of expected.documents) await first.delete(collection, id);
  await first.set('users', 'u1', 'new');
  first.close();
  const again = openSimple(t, options);
  t.deepEqual(await again.getAll('users'), [{ id: 'u1', data: 'new', _version: 1 }]);
  t.deepEqual(await again.getAll('user-posts'), []);
});

test('with a shardCount of its own', async (t) => {
  const { folder, options, expected } = useFixture(t, 'one-file');
  const db = openSimple(t, { ...options, shardCount: 3 });
  await checkDocuments(t, db, expected);
  t.is(filesIn(folder).filter((name) => /_shard\d+\.db$/.test(name)).length, 3);
  t.is(db.db.shards.get(2).name, join(folder, 'store.sqlite_shard2.db'));
});
