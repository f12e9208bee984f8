// Writes while the clock is set back, as an administrator or a virtual machine may do it.

import { writeFileSync } from 'node:fs';
import { SimpleDB } from 'kimdb/hyperscale';

const { options } = JSON.parse(process.argv[2]);
const setClock = (seconds) => writeFileSync(process.env.KIMDB_TEST_CLOCK, String(seconds));
const DAY = 86_400;

let db = new SimpleDB(options);
const ids = [];
for (const [round, offset] of [0, 2 * DAY, -DAY, -40 * 365 * DAY, 0].entries()) {
  setClock(offset);
  await db.set('users', 'u1', { round });
  for (let i = 0; i < 100; i++) ids.push((await db.set('notes', null, { round, i })).id);
  await db.setSync('users', 'u2', { round });
  if (round === 2) {
    // The timers of a waiting flush are not those of the wall clock.
    await db.flush();
    db.close();
    db = new SimpleDB(options);
  }
}
const [u1, u2] = [await db.get('users', 'u1'), await db.get('users', 'u2')];
const notes = await db.getAll('notes', Number.POSITIVE_INFINITY);
const times = [...db.db.shards.values()].flatMap((shard) =>
  shard.prepare('SELECT updated_at FROM notes').all(),
);
db.close();
const days = new Set(times.map(({ updated_at }) => updated_at.slice(0, 10))).size;
console.log(JSON.stringify({ u1, u2, ids: new Set(ids).size, notes: notes.length, days }));
