// npm run bench: prepares a fresh clone and benchmark/, then runs benchmark/main.mjs, to which the arguments go:
// npm run bench -- seed docs --rounds 5 --count 100000 --drivers kimdb,lmdb
import { join } from 'node:path';
import process from 'node:process';
import { LIMITS } from '../benchmark/drivers/index.mjs';
import { readArguments } from '../benchmark/support/arguments.mjs';
import { buildAddon } from './support/addon.mjs';
import { root, run } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { compileSqlite } from './support/sqlite.mjs';
import { fail, step } from './support/terminal.mjs';

const folder = join(root, 'benchmark');
const args = process.argv.slice(2);
// Before anything is installed for them.
const { drivers, docsOnly } = readArguments(args);

await installDependencies(folder);
if (!docsOnly) await prepare();
step('Running benchmark/main.mjs');
process.exitCode = await run(process.execPath, [join(folder, 'main.mjs'), ...args]);

async function prepare() {
  requireTools();
  await installDependencies();
  await buildAddon();
  const users = ['better-sqlite3', 'kimdb-old'].filter((driver) => drivers.includes(driver));
  await compileSqlite(folder, users, 'Without it: npm run bench -- --drivers kimdb,lmdb,classic-level,bare');
  if (drivers.some((driver) => LIMITS.includes(driver))) await buildBare();
}

/** What SQLite does alone, from Rust. It shares the compiled SQLite with the addon. */
async function buildBare() {
  step('Building the bare steps (benchmark/bare)');
  const manifest = join(folder, 'bare', 'Cargo.toml');
  const target = join(root, 'target');
  const code = await run('cargo', [
    'build',
    '--release',
    '--locked',
    '--manifest-path',
    manifest,
    '--target-dir',
    target,
  ]);
  if (code !== 0) fail('The bare steps did not build; the compiler says why above.');
}
