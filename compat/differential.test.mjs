// Programs by chance on kimdb 7 and on this one. Where the two differ, rules.mjs says why: with every rule the model does
// exactly what kimdb 7 does, without any exactly what this one does. KIMDB_SEED repeats a run.

import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { useFolder } from '../__test__/helpers/database.mjs';
import { withScope } from '../__test__/helpers/scope.mjs';
import * as ours from '../index.mjs';
import { Model } from './differential/model.mjs';
import { perform } from './differential/perform.mjs';
import { program } from './differential/programs.mjs';
import { switches } from './differential/rules.mjs';
import * as kimdb7 from './helpers/old.mjs';

const PROGRAMS = 70;
/** Its connections to a file that they share would wait a minute for each other when they are closed. */
const old = {
  ...kimdb7,
  prepare(db) {
    for (const shard of db.db.shards.values()) shard.pragma('busy_timeout = 0');
  },
};
/** With a small log, because it is copied for each crash. */
const small = { ...ours, options: { logger: false, walSize: 2 ** 20 } };

test('the two libraries differ only where a rule says so, and every rule is met', async (t) => {
  t.timeout(120_000);
  const met = new Set();
  const seed = Number(process.env.KIMDB_SEED ?? Date.now() % 2 ** 31);
  const property = fc.asyncProperty(program, ({ settings, steps }) => check(settings, steps, met));
  const limit = { interruptAfterTimeLimit: 100_000, markInterruptAsFailure: true };
  await t.notThrowsAsync(
    fc.assert(property, { numRuns: PROGRAMS, seed, includeErrorInReport: true, ...limit }),
  );
  const missed = switches.filter((rule) => !met.has(rule));
  t.deepEqual(missed, [], `rules that no program has met; KIMDB_SEED=${seed} repeats it`);
});

async function check(settings, steps, met) {
  const explained = await expect('kimdb 7', old, settings, steps, switches);
  await expect('this kimdb', small, settings, steps, []);
  for (const rule of switches) {
    const without = model(
      settings,
      steps,
      switches.filter((other) => other !== rule),
    );
    if (!isDeepStrictEqual(without, explained)) met.add(rule);
  }
}

/** Runs the program and compares each step with what the rules say. */
async function expect(name, library, settings, steps, rules) {
  const expected = model(settings, steps, rules);
  const flushes = expected.map(({ flushes }) => flushes.length);
  const found = await withScope((scope) =>
    perform(library, useFolder(scope), settings, structuredClone(steps), flushes),
  );
  steps.forEach((step, i) => {
    if (isDeepStrictEqual(found[i], expected[i])) return;
    const [call, was, should] = [step, found[i], expected[i]].map((value) => JSON.stringify(value));
    throw new Error(`step ${i + 1} of ${name}, ${call}: found ${was}, expected ${should}`);
  });
  return expected;
}

const model = (settings, steps, rules) => new Model(settings, rules).perform(structuredClone(steps));
