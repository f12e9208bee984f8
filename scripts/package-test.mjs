// npm run package:test: makes the packages, installs them in empty projects and runs programs there, in packaging/. Arguments
// go to AVA: npm run package:test -- bundlers.test.mjs
import process from 'node:process';
import { buildAddon } from './support/addon.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { makePackages, packDependencies, preparePackaging, runPackaging } from './support/packaging.mjs';
import { requireTools } from './support/requirements.mjs';
import { step } from './support/terminal.mjs';

requireTools();
await installDependencies();
await buildAddon();
await preparePackaging();
step('Package tests: installed from tarballs, in all ways that users do');
await makePackages();
await packDependencies();
process.exitCode = await runPackaging(process.argv.slice(2));
