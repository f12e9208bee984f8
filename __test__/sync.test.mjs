// sync(): one promise for everything written before.

import test from 'ava';
import { manualFlush, openSimple, until } from './helpers/database.mjs';

for (const [name, of] of [
  ['SimpleDB', (db) => db],
  ['HyperScaleDB', (db) => db.db],
]) {
  test(`sync of ${name} brings all that was written before to the disk, and nothing to the shards`, async (t) => {
    const db = openSimple(t, manualFlush);
    const syncs = () => db.stats().syncTime.count;
    t.is(await of(db).sync(), undefined);
    for (let i = 0; i < 100; i++) db.set('users', `u${i}`, i);
    const before = syncs();
    t.is(await of(db).sync(), undefined);
    // A sync is counted a moment after those who waited for it hear of it.
    await until(() => syncs() > before);
    t.is(db.stats().flushedWrites, 0);
    db.close();
    await t.throwsAsync(of(db).sync(), { code: 'KIMDB_CLOSED' });
  });
}

test('sync waits for writes that have no room in the log yet', async (t) => {
  const db = openSimple(t, { ...manualFlush, walSize: 2 ** 20, shardCount: 2 });
  const written = [];
  while (db.stats().waitingBytes === 0) {
    written.push(db.set('users', `u${written.length}`, '-'.repeat(20_000)));
  }
  let open = written.length;
  for (const write of written) write.then(() => (open -= 1));
  await db.sync();
  t.is(open, 0);
});
