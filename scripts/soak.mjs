// npm run soak: prepares a fresh clone, then writes faster than the disk takes it for as long as one likes, and looks at
// memory and files. The same program as in the tests: __test__/programs/soak/.
import { randomInt } from 'node:crypto';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { memoryPlot } from '../benchmark/plots/memory.mjs';
import { describeMachine } from '../benchmark/support/machine.mjs';
import { buildAddon } from './support/addon.mjs';
import { integer, readOptions } from './support/arguments.mjs';
import { root } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { bold, endProgress, fail, green, progress, say, step } from './support/terminal.mjs';

const USAGE = `npm run soak -- [--minutes <number> | --seconds <number>] [--keys <number>] [--huge <bytes>] [--seed <number>]
                    [--data <folder>] [--results <folder>]

  --minutes, --seconds  how long (default 60 minutes)
  --keys     how many documents there are in the end (default 10000000, which take about 10 GB on the disk)
  --huge     bytes of the largest values (default 40000000)
  --seed     what is written, from 0 to 4294967295 (default: by chance)
  --data     where a folder for the databases is made, and removed in the end (default: the system's for temporary files)
  --results  where soak.jsonl and soak.svg go (default .cache/soak)
  --help     this text`;

const MIB = 2 ** 20;
/** What must have stopped growing after the first third, and what is lost in the noise of it. */
const FLAT = [
  ['rss', { part: 0.05, bytes: 32 * MIB }],
  ['anonymous', { part: 0.05, bytes: 32 * MIB }],
  ['memoryBytes', { part: 0.05, bytes: 16 * MIB }],
];
/** Keys that are compared in the end, in each database. */
const VERIFY = 500_000;

const orders = readArguments();
const start = Date.now();
requireTools();
await installDependencies();
await buildAddon();
// Loads the addon, so not before it is built.
const { plateau, soak } = await import('../__test__/helpers/soak.mjs');
const folder = mkdtempSync(join(orders.data, 'kimdb-soak-'));
mkdirSync(orders.results, { recursive: true });
step(`Writing for ${orders.seconds} seconds to ${folder}`);
const machine = describeMachine(folder);
const lines = createWriteStream(join(orders.results, 'soak.jsonl'));
try {
  const { seconds, keys, huge, seed } = orders;
  const { samples, done } = await soak({ folder, seconds, keys, huge, seed, verify: VERIFY, onSample });
  endProgress();
  report(samples, done);
} catch (error) {
  endProgress();
  fail(
    error.message,
    '',
    `Repeat it with: npm run soak -- --seconds ${orders.seconds} --seed ${orders.seed}`,
  );
} finally {
  lines.end();
  rmSync(folder, { recursive: true, force: true });
}

function readArguments() {
  const text = 'string';
  const names = {
    minutes: text,
    seconds: text,
    keys: text,
    huge: text,
    seed: text,
    data: text,
    results: text,
  };
  const values = readOptions(USAGE, names);
  if (values.minutes !== undefined && values.seconds !== undefined) fail('Give --minutes or --seconds.');
  const minutes = integer('--minutes', values.minutes ?? '60', 1, 10_000);
  return {
    seconds:
      values.seconds === undefined ? minutes * 60 : integer('--seconds', values.seconds, 10, 1_000_000),
    keys: integer('--keys', values.keys ?? '10000000', 1000, 100_000_000),
    huge: integer('--huge', values.huge ?? '40000000', 10_000, 400_000_000),
    seed: integer('--seed', values.seed ?? String(randomInt(2 ** 32)), 0, 2 ** 32 - 1),
    data: resolve(values.data ?? tmpdir()),
    results: resolve(values.results ?? join(root, '.cache', 'soak')),
  };
}

function onSample(sample) {
  lines.write(`${JSON.stringify(sample)}\n`);
  const { seconds, rss, disk, keys, writes } = sample;
  const minutes = (seconds / 60).toFixed(1);
  progress(
    `${minutes} min: ${mib(rss)} of memory, ${mib(disk)} of files, ${keys} documents, ${writes} writes`,
  );
}

function report(samples, done) {
  writeFileSync(join(orders.results, 'soak.svg'), memoryPlot({ samples, huge: orders.huge, machine }));
  say(`${done.writes} writes, ${done.reads} reads, ${done.reopened} times closed and opened again`);
  say(`${done.huge} values of up to ${mib(orders.huge)}; the log was full ${done.full} times`);
  say(`${done.verified} documents compared in the end; seed ${orders.seed}`);
  const found = FLAT.map(([name, bounds]) => plateau(samples, name, bounds));
  for (const { name, middle, last } of found)
    say(`${name}: ${mib(middle)} in the second third, ${mib(last)} in the last`);
  say(`Plot: ${join(orders.results, 'soak.svg')}`);
  const growing = found.filter(({ isFlat }) => !isFlat);
  if (growing.length > 0) fail(`Still growing: ${growing.map(({ name }) => name).join(', ')}`);
  say(
    bold(
      green(
        `flat, and every document as it was written, in ${((Date.now() - start) / 60_000).toFixed(1)} min`,
      ),
    ),
  );
  process.exitCode = 0;
}

function mib(bytes) {
  return `${Math.round(bytes / MIB)} MiB`;
}
