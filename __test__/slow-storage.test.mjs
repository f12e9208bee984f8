// Storage that takes 20 ms for each operation: the event loop never waits for it.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runProgram } from './helpers/child.mjs';
import { pathsIn, useFolder } from './helpers/database.mjs';

const SOURCE = fileURLToPath(new URL('programs/slow.c', import.meta.url));
/** The writes that wait for room wait for longer than this, and flushes take much less than it from one step to the next. */
const WRITE_TIMEOUT = 3000;
const linuxTest = process.platform === 'linux' ? test : test.skip;

linuxTest('no operation on slow storage is the main thread’s', async (t) => {
  const folder = useFolder(t);
  const [library, control] = [join(folder, 'slow.so'), join(folder, 'control')];
  const built = spawnSync('cc', ['-shared', '-fPIC', '-o', library, SOURCE, '-ldl'], { encoding: 'utf8' });
  t.is(built.status, 0, built.stderr);
  writeFileSync(control, Buffer.alloc(64));
  const data = join(folder, 'data');
  const env = { ...process.env, LD_PRELOAD: library, KIMDB_SLOW_FOLDER: data, KIMDB_SLOW_CONTROL: control };
  const options = {
    ...pathsIn(data),
    walSize: 2 ** 20,
    shardCount: 4,
    batchSize: 25,
    writeTimeout: WRITE_TIMEOUT,
    logger: false,
  };
  const args = { options, control, documents: 4000, delayMs: 20 };
  const { code, lines, stderr } = await runProgram(t, 'slow.mjs', args, { env });
  t.is(code, 0, stderr);
  const { calls, full, stored } = JSON.parse(lines[0]);
  for (const [name, { operations, p99, max }] of Object.entries({ calls, full })) {
    const { ofMain, ofOthers, last } = operations;
    t.log(
      `${name}: ${ofOthers} operations, loop delay p99 ${p99.toFixed(1)} ms, longest ${max.toFixed(1)} ms`,
    );
    t.is(ofMain, 0, `${name}: the last of them was ${last}`);
    t.true(ofOthers > 50, `${name}: the storage was slow`);
  }
  t.deepEqual(calls.result, {
    cold: 2000,
    updated: 50,
    many: 1000,
    nobody: null,
    deleted: null,
    synced: 1,
    all: 1,
  });
  const { longestMs, ...rest } = full.result;
  t.deepEqual(rest, { waited: true, seen: 40, of: 40 });
  t.true(longestMs > WRITE_TIMEOUT, `waiting for as long as flushes get on: ${longestMs} ms`);
  t.is(stored, 800);
});
