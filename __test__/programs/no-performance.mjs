// Writes in a process whose clock is gone.
import { SimpleDB } from 'kimdb/hyperscale';

const db = new SimpleDB({ ...JSON.parse(process.argv[2]), logger: false });
delete globalThis.performance;
let count = 0;
for (; count < 20_000; count++) await db.set('c', count, { count });
console.log(`${count} done`);
