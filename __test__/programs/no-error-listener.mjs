// Flushes that fail again and again, and nobody listens.

import { HyperScaleDB } from 'kimdb/hyperscale';

process.on('warning', ({ name, code, message }) => console.log(`${name} ${code} ${message}`));

const db = new HyperScaleDB({ ...JSON.parse(process.argv[2]), flushInterval: 5 }).init();
for (let i = 0; i < 12; i++) {
  db.write('unreliable', `u${i}`, i);
  await db.flush().catch(() => {});
  while (db.getBufferSize() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
console.log(`${db.shards.get(0).prepare('SELECT count(*) AS c FROM unreliable').get().c} stored`);
db.close();
