// One of several test files that run at the same time, each in a process or thread of its own, all with databases of their
// own and with one that all share.

const { join } = require('node:path');
const { fresh } = require('./behaviour.cjs');

/** Writes of each file to the shared database. */
const WRITES = 200;

module.exports = function shared({ kimdb: { SimpleDB }, name }) {
  const folder = process.env.KIMDB_RUNNERS_FOLDER;
  const paths = { dbPath: join(folder, 'shared.db'), walPath: join(folder, 'shared.wal') };

  test('a database that all test files share', async () => {
    const db = new SimpleDB({ ...paths, shardCount: 2, logger: false });
    for (let i = 0; i < WRITES; i++) await db.set('shared', `${name}-${i}`, { name, i });
    expect(await db.getMany('shared', [`${name}-0`, `${name}-${WRITES - 1}`])).toMatchObject([
      { data: { i: 0 } },
      { data: { i: WRITES - 1 } },
    ]);
    db.close();
  });

  test.each(Array.from({ length: 10 }, (_, i) => i))('a database of its own, %i', async (i) => {
    const db = new SimpleDB(fresh({ walSize: 2 ** 20 }));
    await db.setMany('users', [['u1', i]]);
    expect(await db.getAll('users')).toStrictEqual([{ id: 'u1', data: i, _version: 1 }]);
    db.close();
  });

  // The last test of the file leaves it open, with writes that nobody waits for.
  test('a database that nobody closes', async () => {
    const db = new SimpleDB({ ...paths, shardCount: 2, logger: false });
    db.on('flush', () => {});
    for (let i = 0; i < WRITES; i++) db.set('forgotten', `${name}-${i}`, { name, i });
    db.setSync('forgotten', `${name}-synced`, { name });
    expect(await db.get('forgotten', `${name}-0`)).toMatchObject({ data: { i: 0 } });
  });
};

module.exports.WRITES = WRITES;
