// Opens a database with another number of shards, and is killed by the line of that number.

import { SimpleDB } from 'kimdb/hyperscale';

const { options, killAt } = JSON.parse(process.argv[2]);
let lines = 0;
const logger = (line) => {
  lines++;
  if (lines === killAt) process.kill(process.pid, 'SIGKILL');
  console.log(line);
};
console.log('opening');
new SimpleDB({ ...options, logger }).close();
