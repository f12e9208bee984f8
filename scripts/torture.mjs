// npm run torture: prepares a fresh clone, then kills writing processes for as long as one likes. The same
// supervisors as in the tests: tests/crash for the engine, __test__/helpers/torture.mjs for the public API.
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { buildAddon } from './support/addon.mjs';
import { integer, readOptions } from './support/arguments.mjs';
import { run } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { bold, endProgress, fail, green, progress, say, seconds, step } from './support/terminal.mjs';

const USAGE = `npm run torture -- [--kills <number>] [--seed <number>] [--rust | --js]

  --kills  how often each supervisor kills a writing process (default 500)
  --seed   what the processes write and when they are killed, from 0 to 4294967295 (default: by chance)
  --rust   only the engine, from Rust
  --js     only the public API, from JavaScript
  --help   this text`;

/** Kills after which a database without a log has certainly lost something. */
const CONTROL_KILLS = 60;

const { kills, seed, rust, js } = readArguments();
const start = Date.now();
requireTools();
await installDependencies();
if (js) await buildAddon();
const summary = [...(rust ? await tortureEngine() : []), ...(js ? await tortureApi() : [])];
say(`\n${summary.join('\n')}`);
say(`seed: ${seed}, time: ${seconds(start)}`);
say(bold(green('losses: 0')));
process.exitCode = 0;

function readArguments() {
  const values = readOptions(USAGE, { kills: 'string', seed: 'string', rust: 'boolean', js: 'boolean' });
  const both = values.rust === values.js;
  return {
    kills: integer('--kills', values.kills ?? '500', 1, 1_000_000),
    seed: integer('--seed', values.seed ?? String(randomInt(2 ** 32)), 0, 2 ** 32 - 1),
    rust: both || values.rust,
    js: both || values.js,
  };
}

async function tortureEngine() {
  step(`Rust: ${kills} kills of a process that uses the engine`);
  const env = { KIMDB_KILLS: String(kills), KIMDB_SEED: String(seed), KIMDB_PROGRESS: '1' };
  const found = [];
  const onLine = (line) => {
    const [, name, text] = /^(\w+): (.+)/.exec(line) ?? [];
    if (name === 'progress') progress(text);
    else if (name?.includes('kills') && !text.startsWith('KIMDB_SEED')) found.push(`Rust, ${name}: ${text}`);
    else if (/^test .* ok$/.test(line)) {
      endProgress();
      say(line);
    }
  };
  const test = ['test', '--no-default-features', '--test', 'crash'];
  const code = await run('cargo', test, { env, onLine, hidden: true });
  endProgress();
  if (code !== 0) failWith('--rust', 'The Rust supervisor failed; the lines above say what was lost.');
  return found;
}

async function tortureApi() {
  step(`JavaScript: ${kills} kills of a process that uses the public API`);
  // Loads the addon, so not before it is built.
  const { torture } = await import('../__test__/helpers/torture.mjs');
  const folder = mkdtempSync(join(tmpdir(), 'kimdb-torture-'));
  try {
    const onProgress = (figures) => progress(figures.progress(kills));
    const figures = await torture({ folder: join(folder, 'kept'), seed, kills, onProgress });
    endProgress();
    await expectLoss(torture, join(folder, 'control'));
    rmSync(folder, { recursive: true });
    return [`JavaScript, at random moments: ${figures}`];
  } catch (error) {
    endProgress();
    failWith('--js', `${error.message}\nThe files are in ${folder}`);
  }
}

/** The control: without a log writes are lost, and the same check has to say so. */
async function expectLoss(torture, folder) {
  const loss = await torture({ folder, seed, kills: CONTROL_KILLS, safeMode: false }).then(
    () => '',
    (error) => error.message,
  );
  if (!loss.includes('were acknowledged'))
    throw new Error(`The check noticed no loss without a log. ${loss}`);
  say('The control lost writes without a log, as it must.');
}

function failWith(which, message) {
  fail(message, '', `Repeat it with: npm run torture -- ${which} --kills ${kills} --seed ${seed}`);
}
