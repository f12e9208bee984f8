// Number ids, which kimdb 7 stored as '5.0' in the shard of '5'.

import test from 'ava';
import { openSimple, rowsOf } from '../__test__/helpers/database.mjs';
import { opens, useFixture } from './helpers/fixtures.mjs';

test("number ids are found as '5' and as 5", async (t) => {
  const { db, expected } = await opens(t, 'number-ids');
  for (const [collection, id, data] of expected.documents) {
    if (id !== 'u1') t.deepEqual((await db.get(collection, Number(id))).data, data);
  }
});

test('a number id that is written again is one document, and one that is deleted is gone', async (t) => {
  const { options, expected } = useFixture(t, 'number-ids');
  const db = openSimple(t, options);
  await db.set('users', 100, 'written again');
  await db.delete('users', 2);
  await db.flush();
  t.deepEqual(await db.get('users', '100'), { id: '100', data: 'written again', _version: 3 });
  t.is(await db.get('users', 2), null);
  t.is((await db.getAll('users')).length, expected.documents.length - 1);
  t.deepEqual(
    rowsOf(db.db, 'users').filter(({ id }) => /\.0$|e\+?\d+$/.test(id) && id !== '1e+21'),
    [],
  );
});
