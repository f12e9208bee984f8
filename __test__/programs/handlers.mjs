// Prints what is on the process before kimdb is loaded and after each step of its life: listeners, and the signals that the
// kernel is told to catch or to ignore.

import { existsSync, readFileSync } from 'node:fs';

const { options } = JSON.parse(process.argv[2]);
const STATUS = '/proc/self/status';

function look(step) {
  const listeners = process.eventNames().map((name) => `${String(name)}: ${process.listenerCount(name)}`);
  const signals = existsSync(STATUS) ? readFileSync(STATUS, 'utf8').match(/^Sig(Cgt|Ign|Blk):.*$/gm) : [];
  console.log(JSON.stringify({ step, listeners: listeners.sort(), signals }));
}

look('before');
const { SimpleDB } = await import('kimdb/hyperscale');
look('imported');
const db = new SimpleDB(options);
look('opened');
db.on('flush', () => {});
db.on('error', () => {});
await db.setSync('users', 'u1', 1);
await db.getAll('users');
look('in use');
await db.set('users', 'u1', 2);
db.close();
look('closed');
