// Writes one batch after another over the same documents until it is killed; reports like load.mjs.

import { openSync, writeSync } from 'node:fs';
import { SimpleDB } from 'kimdb/hyperscale';

const { options, first, report, size } = JSON.parse(process.argv[2]);
const db = new SimpleDB({ ...options, logger: false });
const file = openSync(report, 'w');
const bytes = Buffer.alloc(8);
const text = 'x'.repeat(800);
console.log('open');

for (let number = first; ; number++) {
  await db.setMany(
    'batches',
    Array.from({ length: size }, (_, i) => [`k${i}`, { number, text }]),
  );
  bytes.writeDoubleLE(number);
  writeSync(file, bytes, 0, 8, 0);
}
