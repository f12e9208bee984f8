// npm run check: formatters, linters and types of both languages, and the dependencies. Stops at the first that complains.
import process from 'node:process';
import { output, packageBin, run } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { bold, fail, green, say, seconds, step, wantsColor } from './support/terminal.mjs';

// Biome colours its output in a file too, unless told not to.
const colors = wantsColor ? [] : ['--colors=off'];
const clippy = (...features) =>
  run('cargo', ['clippy', '--all-targets', ...features, '--', '-D', 'warnings']);

const steps = [
  {
    name: 'rustfmt: Rust formatting',
    run: () => run('cargo', ['fmt', '--all', '--check']),
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
    name: 'dependencies: sources, checksums and licenses',
    run: () => run(process.execPath, ['scripts/check-dependencies.mjs']),
    help: 'deny.toml and scripts/check-dependencies.mjs hold the rules.',
  },
];

const start = Date.now();
requireTools();
requireRustComponents();
await installDependencies();
for (const { name, run: runStep, help } of steps) {
  step(name);
  if ((await runStep()) !== 0) fail(`npm run check stopped at "${name}".`, help);
}
say(bold(green(`\nAll ${steps.length} checks passed in ${seconds(start)}`)));
process.exitCode = 0;

function requireRustComponents() {
  const missing = ['fmt', 'clippy'].filter((name) => !output('cargo', [name, '--version']));
  if (missing.length === 0) return;
  const components = missing.map((name) => (name === 'fmt' ? 'rustfmt' : name)).join(' ');
  fail(`Missing parts of Rust: ${components}. Get them with: rustup component add ${components}`);
}
