// Writes, rewrites and deletes more than one batch, flushes, and is killed at once.

import { SimpleDB } from 'kimdb/hyperscale';

const db = new SimpleDB(JSON.parse(process.argv[2]));
for (let i = 0; i < 3000; i++) await db.set('users', `u${i}`, 'first');
for (let i = 0; i < 3000; i++) {
  if (i % 3 === 0) await db.delete('users', `u${i}`);
  if (i % 3 === 1) await db.set('users', `u${i}`, 'second');
}
await db.db.flush();
process.kill(process.pid, 'SIGKILL');
