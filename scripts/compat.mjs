// npm run compat: prepares a fresh clone and compat/, then runs its tests. Arguments go to AVA:
// npm run compat -- differential.test.mjs
import process from 'node:process';
import { buildAddon } from './support/addon.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { prepareSuite, runSuite, SUITES } from './support/suites.mjs';
import { step } from './support/terminal.mjs';

requireTools();
await installDependencies();
await buildAddon();
await prepareSuite('compat');
step(SUITES.compat.title);
process.exitCode = await runSuite('compat', process.argv.slice(2));
