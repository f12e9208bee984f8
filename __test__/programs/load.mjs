// Does operations one after another until it is killed. Reports the number of each one that was
// acknowledged through a file, because what a killed process wrote to a file is there.

import { openSync, writeSync } from 'node:fs';
import { SimpleDB } from 'kimdb/hyperscale';
import { operation, perform } from '../helpers/operations.mjs';

const { options, first, report } = JSON.parse(process.argv[2]);
const db = new SimpleDB({ ...options, logger: false });
const file = openSync(report, 'w');
const number = Buffer.alloc(8);
console.log('open');

for (let index = first; ; index++) {
  await perform(db, 'load', operation(index));
  number.writeDoubleLE(index);
  writeSync(file, number, 0, 8, 0);
}
