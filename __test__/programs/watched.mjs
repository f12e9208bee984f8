// Runs under `node --watch`, which restarts it: verifies what the runs before have reported, then writes and reports on.

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { SimpleDB } from 'kimdb/hyperscale';

const { options, journal } = JSON.parse(process.argv[2]);
const db = new SimpleDB(options);

// A run reports `run i` once write i of it is acknowledged.
const reported = existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : [];
let lost = 0;
for (const line of reported) {
  const [run, last] = line.split(' ');
  const found = await db.get('runs', `${run}-${last}`);
  if (found?.data !== Number(last)) lost += 1;
}
console.log(JSON.stringify({ reported: reported.length, lost }));

for (let i = 0; ; i++) {
  for (let n = 0; n < 20; n++) await db.set('runs', `${process.pid}-${i}`, i);
  appendFileSync(journal, `${process.pid} ${i}\n`);
  await setImmediate();
}
