// Leaves writes in the log and is killed, or ends in the middle of the opening that recovers them.

import { SimpleDB } from 'kimdb/hyperscale';

const { options, ending } = JSON.parse(process.argv[2]);
const endings = {
  kill: () => process.kill(process.pid, 'SIGKILL'),
  exit: () => process.exit(7),
  throw() {
    throw new Error('on purpose');
  },
};

if (ending === 'kill') {
  const db = new SimpleDB(options);
  for (let i = 0; i < 100; i++) await db.set('users', `u${i}`, i);
  endings.kill();
}
new SimpleDB({ ...options, logger: () => endings[ending]() });
console.log('opened');
