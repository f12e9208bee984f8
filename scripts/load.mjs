// npm run load: prepares a fresh clone and load/, then runs load/main.mjs, to which the arguments go:
// npm run load -- --connections 2000 --seconds 10 --stores kimdb,none
import { join } from 'node:path';
import process from 'node:process';
import { OLD } from '../load/stores/index.mjs';
import { readArguments } from '../load/support/arguments.mjs';
import { buildAddon } from './support/addon.mjs';
import { root, run } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { compileSqlite } from './support/sqlite.mjs';
import { prepareSuite } from './support/suites.mjs';
import { step } from './support/terminal.mjs';

// Before anything is installed for them.
const { stores, docsOnly } = readArguments();

await prepareSuite('load');
if (!docsOnly) await prepare();
step('Running load/main.mjs');
process.exitCode = await run(process.execPath, [join(root, 'load', 'main.mjs'), ...process.argv.slice(2)]);

async function prepare() {
  requireTools();
  await installDependencies();
  await buildAddon();
  if (!stores.includes(OLD)) return;
  // The old library is one of the benchmark's drivers.
  const benchmark = join(root, 'benchmark');
  await installDependencies(benchmark);
  await compileSqlite(benchmark, ['kimdb-old'], 'Without it: npm run load -- --stores kimdb,none');
}
