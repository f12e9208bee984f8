// npm run package: makes the packages that are published, in target/package, and looks at them. Without options with the engine
// of this machine, as `npm run build` has made it.
import { join } from 'node:path';
import { buildAddon } from './support/addon.mjs';
import { readOptions } from './support/arguments.mjs';
import { root } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { makePackages } from './support/packaging.mjs';
import { bold, green, say, step } from './support/terminal.mjs';

const USAGE = `npm run package -- [options]
  --release            with the engines that npm run build:release has made, for all systems
  --only <a,b>         with --release: for these systems alone, e.g. linux-x64-gnu
  --repository <url>   where the sources are, for npm's provenance`;

const { release, only, repository } = readOptions(USAGE, {
  release: 'boolean',
  only: 'string',
  repository: 'string',
});
await installDependencies();
// It writes the loader, binding.js, too.
await buildAddon();
await installDependencies(join(root, 'packaging'));
step('Making the packages and looking at them');
await makePackages({ release, only: only?.split(','), repository });
say(bold(green('\nThe packages in target/package are whole')));
