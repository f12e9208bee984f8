// Writes with timers that never come, which were there before the package.
import { mock } from 'node:test';

mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] });
const { SimpleDB } = await import('kimdb/hyperscale');
const db = new SimpleDB({ ...JSON.parse(process.argv[2]), logger: false });
let count = 0;
for (; count < 20_000; count++) await db.set('c', count, { count });
console.log(`${count} done`);
