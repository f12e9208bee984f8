// Reads one document until it is what is wanted, and says so. The same program writes when it is told to.

import { SimpleDB } from 'kimdb/hyperscale';

const { options, id, until, answer } = JSON.parse(process.argv[2]);
const db = new SimpleDB({ ...options, logger: false });
for (let i = 0; i < 3; i++) await db.get('talk', id);
console.log('open');
for (;;) {
  const found = await db.get('talk', id);
  if (found?.data === until) break;
  await new Promise((resolve) => setTimeout(resolve, 2));
}
if (answer !== undefined) await db.set('talk', id, answer);
console.log('seen');
db.close();
