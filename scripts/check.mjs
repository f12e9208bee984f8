// npm run check: formatters, linters and types of both languages, and the dependencies. Stops at the first that complains.
import { join } from 'node:path';
import process from 'node:process';
import { output, packageBin, root, run } from './support/command.mjs';
import { installDependencies, isInstalled } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { bold, fail, green, say, seconds, step, wantsColor } from './support/terminal.mjs';

// Biome colours its output in a file too, unless told not to.
const colors = wantsColor ? [] : ['--colors=off'];
const clippy = (...features) =>
  run('cargo', ['clippy', '--all-targets', ...features, '--', '-D', 'warnings']);

const bare = ['--manifest-path', join(root, 'benchmark', 'bare', 'Cargo.toml')];

const steps = [
  {
    name: 'rustfmt: Rust formatting',
    run: async () =>
      (await run('cargo', ['fmt', '--all', '--check'])) || run('cargo', ['fmt', '--check', ...bare]),
    help: 'npm run format fixes it.',
  },
  {
    name: 'clippy: Rust lints, with the addon',
    run: () => clippy(),
    help: 'Each warning above counts as an error.',
  },
  {
    name: 'clippy: Rust lints, engine only',
    run: () => clippy('--no-default-features'),
    help: 'Each warning above counts as an error.',
  },
  {
    name: 'clippy: Rust lints, with model checking',
    run: () => clippy('--no-default-features', '--features', 'model'),
    help: 'Each warning above counts as an error.',
  },
  {
    name: 'clippy: Rust lints, the bare steps of the benchmark',
    run: () => run('cargo', ['clippy', ...bare, '--target-dir', 'target', '--', '-D', 'warnings']),
    help: 'Each warning above counts as an error.',
  },
  {
    name: 'biome: JavaScript lints and formatting',
    run: () => packageBin('@biomejs/biome/bin/biome', ['ci', ...colors, '.']),
    help: 'npm run format fixes what can be fixed by itself.',
  },
  {
    name: 'tsc: types',
    run: () => packageBin('typescript/bin/tsc', ['--noEmit', '--project', 'tsconfig.json']),
    help: 'index.d.ts and what uses it have to agree.',
  },
  {
    name: 'versions: what follows from package.json',
    run: () => run(process.execPath, ['scripts/versions.mjs']),
    help: 'docs/releasing.md says how a version is changed.',
  },
  {
    name: 'third party: the licenses that go with the engine',
    run: () => run(process.execPath, ['scripts/third-party.mjs']),
    help: 'node scripts/third-party.mjs --write makes THIRD-PARTY.txt anew.',
  },
  {
    name: 'dependencies: sources, checksums and licenses',
    run: () => run(process.execPath, ['scripts/check-dependencies.mjs']),
    help: 'deny.toml and scripts/check-dependencies.mjs hold the rules.',
  },
];
// Only these numbers are the same whatever else the machine does, so they can be held to, and counted beside the other steps: a
// compiler that works on one crate leaves a core free, and so does valgrind.
const counting = {
  name: 'instructions: what a set and a get take',
  run: (onLine) => run(process.execPath, ['scripts/instructions.mjs'], { onLine, hidden: true }),
  help: 'benches/instructions.json holds the marks.',
};
const counts = Boolean(output('valgrind', ['--version']));
// What the benchmark compares with is much to install, so only those who have it are held to keep it working.
if (isInstalled(join(root, 'benchmark'))) {
  steps.push({
    name: 'benchmark: every workload with every driver, on few documents',
    run: () => run(process.execPath, ['scripts/bench.mjs', '--smoke']),
    help: 'The figures do not matter here, only that each measurement comes to its end.',
  });
}

const start = Date.now();
requireTools();
requireRustComponents();
await installDependencies();
const lines = [];
const counted = counts && counting.run((line) => lines.push(line));
for (const { name, run: runStep, help } of steps) {
  step(name);
  judge(name, await runStep(), help);
}
if (counts) {
  const code = await counted;
  step(counting.name);
  say(lines.join('\n'));
  judge(counting.name, code, counting.help);
}
say(bold(green(`\nAll ${steps.length + Number(counts)} checks passed in ${seconds(start)}`)));
process.exitCode = 0;

function judge(name, code, help) {
  if (code !== 0) fail(`npm run check stopped at "${name}".`, help);
}

function requireRustComponents() {
  const missing = ['fmt', 'clippy'].filter((name) => !output('cargo', [name, '--version']));
  if (missing.length === 0) return;
  const components = missing.map((name) => (name === 'fmt' ? 'rustfmt' : name)).join(' ');
  fail(`Missing parts of Rust: ${components}. Get them with: rustup component add ${components}`);
}
