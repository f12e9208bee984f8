// npm run profile: where the time of a write goes, step by step, over all threads. Takes samples with Linux's perf, so it needs
// Linux, perf and the right to use it.

import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { STEPS, stepOf } from '../benchmark/profile/steps.mjs';
import { buildAddon } from './support/addon.mjs';
import { integer, readOptions } from './support/arguments.mjs';
import { output, root, run } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { fail, say, step } from './support/terminal.mjs';

const USAGE = `npm run profile -- [--count <number>]

  --count  documents to write (default 1000000)
  --help   this text`;

const count = integer(
  '--count',
  readOptions(USAGE, { count: 'string' }).count ?? '1000000',
  1000,
  100_000_000,
);
if (!output('perf', ['--version'])) fail('There is no perf. On Debian: apt-get install linux-perf');

requireTools();
await installDependencies();
// What the build makes beside the addon is needed too.
await buildAddon();
const folder = mkdtempSync(join(root, 'target', 'profile-'));
try {
  const addon = await build();
  step(`Taking samples of ${count.toLocaleString('en-US')} writes`);
  const data = record(addon);
  print(await sort(data));
} finally {
  rmSync(folder, { recursive: true });
}

/** The addon with the names of its functions. */
async function build() {
  step('Building the addon with symbols');
  const env = { CARGO_PROFILE_RELEASE_STRIP: 'none', CARGO_PROFILE_RELEASE_DEBUG: '1' };
  const target = join(root, 'target', 'profile');
  if ((await run('cargo', ['build', '--release', '--lib', '--target-dir', target], { env })) !== 0) {
    fail('It did not build; the compiler says why above.');
  }
  const addon = join(folder, 'kimdb.node');
  copyFileSync(join(target, 'release', 'libkimdb.so'), addon);
  return addon;
}

function record(addon) {
  const data = join(folder, 'perf.data');
  const program = [
    '--perf-basic-prof',
    join(root, 'benchmark', 'profile', 'seed.mjs'),
    folder,
    String(count),
  ];
  const args = [
    'record',
    '-q',
    '-o',
    data,
    '-F',
    '1999',
    '--call-graph',
    'dwarf,8192',
    process.execPath,
    ...program,
  ];
  const env = { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: addon };
  const { stderr } = spawnSync('perf', args, { cwd: root, env, encoding: 'utf8' });
  if (!output('perf', ['report', '-i', data, '--header-only'])) fail('perf took no samples:', stderr);
  return data;
}

/** Nanoseconds by step. */
async function sort(data) {
  const args = ['script', '-i', data, '-F', 'comm,tid,period,ip,sym', '--no-inline'];
  const lines = createInterface({
    input: spawn('perf', args, { stdio: ['ignore', 'pipe', 'ignore'] }).stdout,
  });
  const spent = new Map(STEPS.map((name) => [name, 0]));
  let main;
  let sample;
  const end = () => {
    if (sample === undefined) return;
    const name = stepOf({ ...sample, isMain: sample.thread === main });
    spent.set(name, spent.get(name) + sample.period);
    sample = undefined;
  };
  for await (const line of lines) {
    const head = /^(\S.*?)\s+(\d+)\s+(\d+)\s*$/.exec(line);
    if (head) {
      end();
      sample = { command: head[1], thread: head[2], period: Number(head[3]), stack: [] };
      main ??= sample.thread;
    } else if (sample && line.trim() !== '') {
      sample.stack.push(line.trim().replace(/^[0-9a-f]+ /, ''));
    }
  }
  end();
  return spent;
}

function print(spent) {
  const total = [...spent.values()].reduce((sum, value) => sum + value, 0);
  say('| step | ns a write | of all |\n|---|---:|---:|');
  for (const [name, value] of spent) {
    say(`| ${name} | ${Math.round(value / count)} | ${((100 * value) / total).toFixed(1)} % |`);
  }
  say(`| all | ${Math.round(total / count)} | |`);
}
