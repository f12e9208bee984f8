// npm run package:test: makes the packages, installs them in empty projects and runs programs there, in packaging/. Arguments
// go to AVA: npm run package:test -- bundlers.test.mjs. With --release first, the engine is the one of npm run build:release.
import { join } from 'node:path';
import process from 'node:process';
import { buildAddon } from './support/addon.mjs';
import { passArguments } from './support/arguments.mjs';
import { root } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { makePackages, packDependencies } from './support/packaging.mjs';
import { thisPlatform } from './support/platforms.mjs';
import { requireTools } from './support/requirements.mjs';
import { runSuite, SUITES } from './support/suites.mjs';
import { step } from './support/terminal.mjs';

const args = passArguments(`npm run package:test -- [--release] [file ...] [options of AVA]

  --release  first of all: with the engine that npm run build:release has made
  file       tests in packaging/, e.g. bundlers.test.mjs; left out, all
  --help     this text`);
const release = args[0] === '--release';
requireTools();
await installDependencies();
await buildAddon();
await installDependencies(join(root, 'packaging'));
step(SUITES.packaging.title);
await makePackages({ release, only: [thisPlatform().name] });
packDependencies();
process.exitCode = await runSuite('packaging', release ? args.slice(1) : args);
