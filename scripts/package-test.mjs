// npm run package:test: makes the packages, installs them in empty projects and runs programs there, in packaging/. Arguments
// go to AVA: npm run package:test -- bundlers.test.mjs
import process from 'node:process';
import { buildAddon } from './support/addon.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { prepareSuite, runSuite, SUITES } from './support/suites.mjs';
import { step } from './support/terminal.mjs';

requireTools();
await installDependencies();
await buildAddon();
await prepareSuite('packaging');
step(SUITES.packaging.title);
process.exitCode = await runSuite('packaging', process.argv.slice(2));
