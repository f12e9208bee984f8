// Programs that load their modules anew, or are restarted, whenever a file changes.

import { copyFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { linkPackage, runProgram, startCommand } from './helpers/child.mjs';
import { openSimple, pathsIn, sleep, useFolder } from './helpers/database.mjs';

const ROUNDS = 100;
const RESTARTS = 4;
// A database starts one only where all others are at work, and no more than these.
const READERS = 4;

// What an instance that nobody closes keeps: itself and what listens to it, and all its modules if they are its own. Seen
// are 12 KB and 140 KB.
const UNCLOSED_MB = { 'delete require.cache': 0.3, 'import with a query': 0.05, 'the same module': 0.05 };
// A module that was imported stays as long as the process. Seen are 6 KB each.
const CLOSED_MB = 0.02;

for (const how of Object.keys(UNCLOSED_MB)) {
  for (const closes of [true, false]) {
    test(`${how}, the old instances ${closes ? 'are closed' : 'stay open'}`, async (t) => {
      const folder = useFolder(t);
      const options = { ...pathsIn(folder), shardCount: 2, flushInterval: 5 };
      const { code, lines, stderr } = await runProgram(
        t,
        'reload.mjs',
        { options, folder, rounds: ROUNDS, how, closes },
        { execArgv: ['--expose-gc'] },
      );
      t.is(code, 0, stderr);
      t.is(stderr, '');
      const [first, ...later] = lines.map((line) => JSON.parse(line));
      const { written } = later.pop();
      t.log(first, later.at(-1));
      const most = (closes ? CLOSED_MB : UNCLOSED_MB[how]) * ROUNDS;
      for (const { heapMb, threads, readers } of later) {
        t.is(threads, first.threads);
        t.true(readers === undefined || readers <= READERS, `${readers} reader threads`);
        t.true(heapMb - first.heapMb < most, `${first.heapMb} MB became ${heapMb}`);
      }
      // Connections for queries come and go with the moments that meet.
      t.true(
        later.every(({ files }) => files === undefined || files <= first.files + 4 * options.shardCount),
      );

      const db = openSimple(t, { ...options, logger: false });
      t.is(db.stats().recoveredWrites, 0);
      t.is((await db.getAll('first', Number.POSITIVE_INFINITY)).length, written);
      for (let round = 1; round <= ROUNDS; round++) {
        const ids = [...Array.from({ length: 10 }, (_, i) => `${round}-${i}`), `${round}-synced`];
        t.false((await db.getMany('rounds', ids)).includes(null), `round ${round}`);
      }
    });
  }
}

test('node --watch', async (t) => {
  const folder = useFolder(t);
  linkPackage(folder);
  const script = join(folder, 'watched.mjs');
  copyFileSync(fileURLToPath(new URL('programs/watched.mjs', import.meta.url)), script);
  const options = { ...pathsIn(folder), shardCount: 2, logger: false };
  const argument = JSON.stringify({ options, journal: join(folder, 'journal') });
  // Only what the program imports is watched, so the database that changes all the time restarts nothing.
  const { nextLine } = startCommand(t, process.execPath, ['--watch', script, argument], { group: true });
  let seen = -1;
  for (let restart = 0; restart <= RESTARTS; restart++) {
    const { reported, lost } = await nextReport(nextLine);
    t.is(lost, 0, `${reported} reported`);
    t.true(reported > seen, `${reported} after ${seen}`);
    seen = reported;
    await sleep(300);
    const now = new Date();
    utimesSync(script, now, now);
  }
});

/** Between what the program prints stands what Node.js says of restarts. */
async function nextReport(nextLine) {
  for (;;) {
    const line = await nextLine();
    if (line === undefined) throw new Error('the program has ended');
    if (line.includes('"reported"')) return JSON.parse(line.slice(line.indexOf('{')));
  }
}
