// npm run compat: prepares a fresh clone and compat/, then runs its tests. Arguments go to AVA:
// npm run compat -- differential.test.mjs
import process from 'node:process';
import { buildAddon } from './support/addon.mjs';
import { passArguments } from './support/arguments.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { prepareSuite, runSuite, SUITES } from './support/suites.mjs';
import { step } from './support/terminal.mjs';

const args = passArguments(`npm run compat -- [file ...] [options of AVA]

  file    tests in compat/, e.g. fixtures.test.mjs; left out, all
  --help  this text`);
requireTools();
await installDependencies();
await buildAddon();
await prepareSuite('compat');
step(SUITES.compat.title);
process.exitCode = await runSuite('compat', args);
