// Writes documents, then ends in the way that it is told, without close().

import { SimpleDB } from 'kimdb/hyperscale';

const { options, ending, count } = JSON.parse(process.argv[2]);
const db = new SimpleDB(options);

await db.set('users', 'deleted', 1);
for (let i = 0; i < count; i++) await db.set('users', `u${i}`, i);
await db.delete('users', 'deleted');
console.log('written');

const endings = {
  'normal end'() {},
  'process.exit': () => process.exit(7),
  'uncaught exception'() {
    throw new Error('on purpose');
  },
  'unhandled rejection'() {
    Promise.reject(new Error('on purpose'));
  },
  'exit in a beforeExit listener': () => process.once('beforeExit', () => process.exit(3)),
  'write in an exit listener': () => process.once('exit', () => db.set('users', 'last', 'last')),
  SIGKILL: () => process.kill(process.pid, 'SIGKILL'),
  SIGTERM() {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => {}, 10_000);
  },
  'open promises'() {
    db.setSync('users', 'synced', 1).then(() => console.log('setSync'));
    db.getAll('users').then(() => console.log('getAll'));
    db.flush().then(() => console.log('flush'));
  },
  listeners() {
    db.on('flush', () => {});
    db.on('error', () => {});
  },
};

endings[ending]();
