// Writes when nothing else is to be done.
import { SimpleDB } from 'kimdb/hyperscale';

const db = new SimpleDB({ ...JSON.parse(process.argv[2]), logger: false });
process.on('beforeExit', async () => {
  for (let i = 0; i < 20; i++) await db.set('c', i, { i });
  console.log('20 written');
});
