// A test that fails while a database is open and its writes are under way.

const { SimpleDB } = require('kimdb');
const { fresh } = require('../behaviour.cjs');

test('fails on purpose', async () => {
  const db = new SimpleDB(fresh());
  db.setSync('users', 'u1', 1);
  await db.set('users', 'u2', 2);
  expect(await db.get('users', 'u2')).toBeNull();
});
