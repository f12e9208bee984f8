// Opens a database, writes one document, and stays.

import { SimpleDB } from 'kimdb/hyperscale';

const db = new SimpleDB({ ...JSON.parse(process.argv[2]), flushInterval: 2 ** 31 - 1, logger: false });
await db.set('users', 'held', 1);
console.log('open');
setInterval(() => {}, 1000);
