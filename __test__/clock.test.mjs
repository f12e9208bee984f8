// A clock that jumps back: order and versions do not depend on it.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runProgram } from './helpers/child.mjs';
import { pathsIn, useFolder } from './helpers/database.mjs';

const SOURCE = fileURLToPath(new URL('programs/clock.c', import.meta.url));

test('a clock that jumps by days and decades, back and forth', async (t) => {
  const folder = useFolder(t);
  const library = join(folder, 'clock.so');
  const built = spawnSync('cc', ['-shared', '-fPIC', '-o', library, SOURCE, '-ldl'], { encoding: 'utf8' });
  if (process.platform !== 'linux') {
    t.log('not tested: only Linux lets a test set the clock of one program');
    return t.pass();
  }
  t.is(built.status, 0, built.stderr);
  const clock = join(folder, 'clock');
  writeFileSync(clock, '0');
  const env = { ...process.env, LD_PRELOAD: library, KIMDB_TEST_CLOCK: clock };
  const options = { ...pathsIn(folder), flushInterval: 5 };
  const { code, lines, stderr } = await runProgram(t, 'clock.mjs', { options }, { env });
  t.is(code, 0, stderr);
  const { u1, u2, ids, notes, days } = JSON.parse(lines[0]);
  t.like(u1, { data: { round: 4 }, _version: 5 });
  t.like(u2, { data: { round: 4 }, _version: 5 });
  t.deepEqual({ ids, notes }, { ids: 500, notes: 500 });
  // The clock did jump.
  t.true(days >= 4, `${days} days`);
  return undefined;
});
