// Writes with timers that never come from now on.
import { mock } from 'node:test';
import { SimpleDB } from 'kimdb/hyperscale';

const db = new SimpleDB({ ...JSON.parse(process.argv[2]), logger: false });
mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] });
let count = 0;
for (; count < 20_000; count++) await db.set('c', count, { count, text: 'x'.repeat(100) });
// Long enough to come in parts.
const list = await db.getAll('c', Number.POSITIVE_INFINITY);
if (list.length === count) console.log(`${count} done`);
