// A listener that throws on every flush.

import { HyperScaleDB } from 'kimdb/hyperscale';

process.on('uncaughtException', (error) => console.log(`uncaught: ${error.message}`));

const db = new HyperScaleDB({ dbPath: 'test.db', walPath: 'test.wal', flushInterval: 2 ** 31 - 1 }).init();
db.on('flush', () => {
  throw new Error('mine');
});
db.write('users', 'u1', 1);
await db.flush();
await new Promise((resolve) => setTimeout(resolve, 50));
console.log(`flushed ${db.read('users', 'u1').data}`);
db.write('users', 'u1', 2);
db.flushSync();
await new Promise((resolve) => setTimeout(resolve, 50));
console.log(`flushed ${db.read('users', 'u1').data}`);
db.close();
