// npm run powercut: prepares a fresh clone, then cuts the power of a machine that writes to a real file system, for as
// long as one likes. The machine is __test__/helpers/machine.mjs, what it does and how that is verified is
// __test__/helpers/power-cuts.mjs; npm test does a little of the same.
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { mix } from '../__test__/helpers/random.mjs';
import { buildAddon } from './support/addon.mjs';
import { integer, readOptions } from './support/arguments.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { FILE_SYSTEMS, fetchMachineTools, findMachineTools } from './support/machine-tools.mjs';
import { requireTools } from './support/requirements.mjs';
import { bold, endProgress, fail, green, progress, say, seconds, step } from './support/terminal.mjs';

const BACKENDS = ['mmap', 'pwrite'];
const USAGE = `npm run powercut -- [--cuts <number>] [--seed <number>] [--fs <names>] [--backend <names>]

  --cuts     how often the power is cut on each file system with each backend (default 20)
  --seed     what is written and where the cuts are aimed at, from 0 to 4294967295 (default: by chance)
  --fs       file systems, of ${FILE_SYSTEMS} (default: all)
  --backend  how the log is written, of ${BACKENDS} (default: both)
  --help     this text`;

/** Cuts after which a database whose syncs do nothing has certainly lost something. */
const CONTROL_CUTS = 30;

/** Each series has cuts of its own. */
const seedOf = (fs, backend) => mix(seed, FILE_SYSTEMS.indexOf(fs), BACKENDS.indexOf(backend));

const { cuts, seed, fs: fileSystems, backend: backends, isChosen } = readArguments();
const start = Date.now();
requireTools();
await installDependencies();
await buildAddon();
const { tools, notRun } = prepareMachines();
// These load the addon, so not before it is built.
const { Machine } = await import('../__test__/helpers/machine.mjs');
const { Loss, powerCuts } = await import('../__test__/helpers/power-cuts.mjs');
const { fillDisk } = await import('../__test__/helpers/full-disk.mjs');
const summary = [];
for (const fs of fileSystems.filter((name) => tools.makers[name])) {
  for (const backend of backends) await series(fs, backend);
  await control(fs, backends[0]);
  if (fs === 'btrfs') await fullDisk(fs);
}
say(`\n${[...summary, ...notRun].join('\n')}`);
say(`seed: ${seed}, time: ${seconds(start)}`);
say(bold(green('losses: 0')));
process.exitCode = isChosen && notRun.length > 0 ? 1 : 0;

function readArguments() {
  const values = readOptions(USAGE, { cuts: 'string', seed: 'string', fs: 'string', backend: 'string' });
  return {
    cuts: integer('--cuts', values.cuts ?? '20', 1, 1_000_000),
    seed: integer('--seed', values.seed ?? String(randomInt(2 ** 32)), 0, 2 ** 32 - 1),
    fs: names('--fs', values.fs, FILE_SYSTEMS),
    backend: names('--backend', values.backend, BACKENDS),
    isChosen: values.fs !== undefined,
  };
}

function names(name, text, known) {
  const chosen = text === undefined ? known : [...new Set(text.split(','))];
  const wrong = chosen.find((one) => !known.includes(one));
  if (wrong !== undefined) fail(`${name} takes ${known.join(', ')}, got '${wrong}'`, '', USAGE);
  return chosen;
}

/** Finds or fetches what machines need. What cannot be had is told, and at the end again. */
function prepareMachines() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    fail('User-mode Linux runs on Linux on x86-64 only, so the power cannot be cut here.');
  let tools = findMachineTools();
  const wanted = ['kernel', ...fileSystems].flatMap((name) => tools.missing[name] ?? []);
  if (wanted.length > 0) {
    step(`Fetching ${wanted.join(', ')} from Debian into .cache/machine (nothing is installed)`);
    fetchMachineTools(wanted).map(say);
    tools = findMachineTools();
  }
  const install = (packages) => `install it with: apt install ${packages.join(' ')}`;
  if (!tools.kernel) fail(`The kernel of user-mode Linux was not found; ${install(tools.missing.kernel)}`);
  const missing = fileSystems.filter((name) => !tools.makers[name]);
  const notRun = missing.map(
    (name) => `${name}: NOT RUN, mkfs.${name} was not found; ${install(tools.missing[name])}`,
  );
  notRun.map(say);
  if (missing.length === fileSystems.length) fail('No file system is left to test.');
  return { tools, notRun };
}

async function series(fs, backend) {
  step(`${fs}, ${backend}: ${cuts} power cuts`);
  const onProgress = (figures) => progress(`${fs}, ${backend}: ${figures.progress(cuts)}`);
  const figures = await withMachine(fs, backend, (machine) =>
    powerCuts({ machine, seed: seedOf(fs, backend), cuts, backend, onProgress }),
  );
  summary.push(`${fs}, ${backend}: ${figures}`);
}

/** The control: where syncs do nothing writes are lost, and the same check has to say so. */
async function control(fs, backend) {
  await withMachine(fs, backend, async (machine) => {
    const loss = await powerCuts({
      machine,
      seed: seedOf(fs, backend),
      cuts: CONTROL_CUTS,
      backend,
      control: true,
    }).catch((error) => error);
    if (!(loss instanceof Error)) throw new Error('The check noticed no loss although syncs did nothing.');
    if (!(loss instanceof Loss)) throw loss;
  });
  say(`${fs}: the control lost writes when syncs did nothing, as it must.`);
}

async function fullDisk(fs) {
  step(`${fs}: a full disk`);
  summary.push(`${fs}: ${await withMachine(fs, 'pwrite', (machine) => fillDisk(machine))}`);
}

/** Runs something with a fresh machine. Its disk stays when that fails. */
async function withMachine(fs, backend, work) {
  const folder = mkdtempSync(join(tmpdir(), 'kimdb-powercut-'));
  try {
    const result = await work(new Machine(tools, fs, folder));
    endProgress();
    rmSync(folder, { recursive: true });
    return result;
  } catch (error) {
    endProgress();
    const again = `npm run powercut -- --cuts ${cuts} --seed ${seed} --fs ${fs} --backend ${backend}`;
    fail(error.message, `The disk is in ${folder}`, '', `Repeat it with: ${again}`);
  }
}
