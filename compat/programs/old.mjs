// Does steps on a SimpleDB of kimdb 7 and says what each returned, one line of JSON each. Its argument is a file:
// { options, steps: [[method, ...arguments], ...], ending }. Steps may also be ['sleep', ms] and ['turn'].
// Endings: 'close', or 'hang' for those whom somebody kills.

import { readFileSync, writeSync } from 'node:fs';
import process from 'node:process';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { SimpleDB } from '../helpers/old.mjs';

const { options, steps, ending } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const db = new SimpleDB(options);
const others = {
  sleep: (ms) => setTimeout(ms),
  turn: () => setImmediate(),
  flushSync: () => db.db.flushSync(),
};

for (const [method, ...args] of steps) {
  const call = others[method] ?? ((...values) => db[method](...values));
  // Whoever reads this line knows that the call has returned, even if this process is killed now.
  writeSync(1, `${JSON.stringify((await call(...args)) ?? null)}\n`);
}
if (ending === 'close') db.close();
else await setTimeout(2 ** 31 - 1);
