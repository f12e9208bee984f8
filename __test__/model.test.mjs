// Calls by chance compared with a Map, over processes that close, exit or are killed. A failure is made as short
// as it can be; KIMDB_SEED repeats it.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { runProgram } from './helpers/child.mjs';
import { openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { COLLECTIONS, step } from './helpers/made-steps.mjs';
import { withScope } from './helpers/scope.mjs';
import { difference, Model, perform } from './helpers/steps.mjs';

const MIB = 2 ** 20;
const everything = COLLECTIONS.map((collection) => ({ call: 'getAll', collection }));

const settings = {
  'default options': {},
  'a small log and a small cache': { walSize: MIB, flushInterval: 1, bufferSize: 50, cacheBytes: 50_000 },
  'small transactions': { walSize: MIB, flushInterval: 1, batchSize: 7 },
  'no log': { walSize: MIB, flushInterval: 2, safeMode: false },
};

for (const [name, options] of Object.entries(settings)) {
  test.serial(`thousands of calls with ${name}`, async (t) => {
    t.timeout(180_000);
    const steps = fc.array(step, { minLength: 1500, maxLength: 3000, size: 'max' });
    await holds(t, 3, steps, (steps) => check([{ steps, options, ending: 'close' }]));
  });
}

const options = fc.record({
  walSize: fc.constantFrom(MIB, 2 * MIB),
  flushInterval: fc.constantFrom(1, 20, 2 ** 31 - 1),
  bufferSize: fc.constantFrom(3, 10_000),
  batchSize: fc.constantFrom(undefined, 3),
  cacheBytes: fc.constantFrom(0, 50_000),
});

/** What one process does. Without a log it has to end in order. */
const life = fc
  .record({
    steps: fc.array(step, { maxLength: 40, size: 'max' }),
    options,
    ending: fc.constantFrom('kill', 'kill', 'exit', 'close', 'close without a log'),
  })
  .map(({ options, ending, ...rest }) =>
    ending === 'close without a log'
      ? { ...rest, options: { ...options, safeMode: false }, ending: 'close' }
      : { ...rest, options, ending },
  );

test.serial('processes that close, exit and are killed', async (t) => {
  t.timeout(180_000);
  await holds(t, 60, fc.array(life, { minLength: 1, maxLength: 5, size: 'max' }), check);
});

/** A property of what is made by chance. */
function holds(t, numRuns, made, check) {
  const seed = process.env.KIMDB_SEED && { seed: Number(process.env.KIMDB_SEED) };
  const holding = fc.assert(
    fc.asyncProperty(made, (value) => check(value)),
    // Says what it has found when making it shorter takes very long.
    {
      numRuns,
      ...seed,
      interruptAfterTimeLimit: 150_000,
      markInterruptAsFailure: true,
      includeErrorInReport: true,
    },
  );
  return t.notThrowsAsync(holding);
}

/** Lives one after another on one database, then one that reads everything. */
function check(lives) {
  return withScope(async (scope) => {
    const folder = useFolder(scope);
    const model = new Model();
    for (const life of [...lives, { steps: everything, options: {}, ending: 'close' }]) {
      const options = { ...pathsIn(folder), shardCount: 3, logger: false, ...life.options };
      const run = life.ending === 'close' ? here : elsewhere;
      const found = await run(folder, { ...life, options });
      const wrong = difference(life.steps, found, model.perform(life.steps));
      if (wrong) throw new Error(wrong);
    }
  });
}

/** In this process. */
function here(_folder, { steps, options }) {
  return withScope(async (scope) => {
    const db = openSimple(scope, options);
    const found = await perform(db, steps);
    for (const shard of db.db.shards.values()) {
      const verdict = shard.pragma('integrity_check', { simple: true });
      if (verdict !== 'ok') throw new Error(verdict);
    }
    return found;
  });
}

/** In a process of its own, which ends without close(). */
function elsewhere(folder, life) {
  return withScope(async (scope) => {
    const [orders, results] = [join(folder, 'orders'), join(folder, 'results')];
    writeFileSync(orders, JSON.stringify({ ...life, results }));
    const { code, signal, stderr } = await runProgram(scope, 'steps.mjs', orders);
    if (life.ending === 'kill' ? signal !== 'SIGKILL' : code !== 0)
      throw new Error(`ended with ${code ?? signal}: ${stderr}`);
    return JSON.parse(readFileSync(results, 'utf8'));
  });
}
