// npm run fuzz: has libFuzzer look for inputs that break the engine, one target after the other.
// npm run fuzz -- --seconds 300 --target recovery
// What it learns goes to fuzz/work, which is not committed; fuzz/corpus holds the inputs that everybody runs.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { output, root, run } from './support/command.mjs';
import { requireTools } from './support/requirements.mjs';
import { fail, say, step } from './support/terminal.mjs';

const TARGETS = ['record', 'recovery', 'legacy', 'model'];
const folder = join(root, 'fuzz');

const { seconds, targets } = readArguments();
requireTools();
requireFuzzer();
step('Building the fuzz targets (the first build takes some minutes)');
if ((await fuzz(['build'])) !== 0) fail('The fuzz targets did not build; the compiler says why above.');
for (const target of targets) {
  step(`Fuzzing ${target} for ${seconds} s`);
  const work = join('work', target);
  mkdirSync(join(folder, work), { recursive: true });
  const limits = [`-max_total_time=${seconds}`, '-max_len=4096', '-timeout=60', '-rss_limit_mb=4096'];
  const code = await fuzz(['run', target, work, join('corpus', target), '--', ...limits]);
  if (code !== 0) {
    fail(
      `${target} met an input that breaks the engine; its path stands above, behind "artifacts/${target}/".`,
      `Make it smaller: cargo +nightly fuzz tmin ${target} <that file> (in fuzz/).`,
      `Then move it to fuzz/corpus/${target}/, where cargo test --no-default-features --test fuzz runs it.`,
    );
  }
}
say(`\nNothing found in ${seconds} s a target.`);
process.exitCode = 0;

function fuzz(args) {
  return run('cargo', ['+nightly', 'fuzz', ...args], { cwd: folder });
}

function readArguments() {
  const usage = `npm run fuzz -- [--seconds 60] [--target ${TARGETS.join('|')}]`;
  try {
    const { values } = parseArgs({
      options: { seconds: { type: 'string', default: '60' }, target: { type: 'string', multiple: true } },
    });
    const chosen = values.target ?? TARGETS;
    const isGood = /^[1-9]\d*$/.test(values.seconds) && chosen.every((name) => TARGETS.includes(name));
    if (isGood) return { seconds: Number(values.seconds), targets: chosen };
  } catch {}
  return fail(usage);
}

/** Fuzzing needs what only the nightly compiler has, and cargo-fuzz. */
function requireFuzzer() {
  const missing = [];
  if (!output('cargo', ['+nightly', '--version'])) {
    missing.push(
      'nightly Rust was not found. Get it with: rustup toolchain install nightly --profile minimal',
    );
  }
  if (!output('cargo', ['fuzz', '--version'])) {
    missing.push('cargo-fuzz was not found. Get it with: cargo install cargo-fuzz --locked');
  }
  if (!output('c++', ['--version'])) missing.push('a C++ compiler (c++) was not found; libFuzzer needs it');
  if (missing.length === 0) return;
  fail(
    'Something is missing on this machine:',
    ...missing.map((text) => `  - ${text}`),
    'Without all that, a short run: cargo test --no-default-features --test fuzz',
  );
}
