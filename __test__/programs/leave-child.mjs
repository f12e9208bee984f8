// Opens a database, starts a process that outlives this one, and ends.

import { spawn } from 'node:child_process';
import { SimpleDB } from 'kimdb/hyperscale';

const db = new SimpleDB({ ...JSON.parse(process.argv[2]), logger: false });
await db.set('users', 'u1', 1);
const child = spawn(process.execPath, ['--eval', 'setTimeout(() => {}, 60000)'], {
  detached: true,
  stdio: 'ignore',
});
child.unref();
console.log(child.pid);
