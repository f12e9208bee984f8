// A test that fails while a database is open and its writes are under way.

import { SimpleDB } from 'kimdb';
import behaviour from '../behaviour.cjs';

test('fails on purpose', async () => {
  const db = new SimpleDB(behaviour.fresh());
  db.setSync('users', 'u1', 1);
  await db.set('users', 'u2', 2);
  expect(await db.get('users', 'u2')).toBeNull();
});
