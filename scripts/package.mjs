// npm run package: makes the packages in target/package, with the engine of this machine, as `npm run build` has made it. Those
// for a release are looked at too, which takes the programs that packaging/ installs.
import { join, relative } from 'node:path';
import { PACKED } from '../packaging/pack.mjs';
import { buildAddon } from './support/addon.mjs';
import { readOptions } from './support/arguments.mjs';
import { root } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { makePackages, packPackages } from './support/packaging.mjs';
import { bold, green, say, step } from './support/terminal.mjs';

const USAGE = `npm run package -- [options]
  --release            with the engines that npm run build:release has made, for all systems, and looks at the packages
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
if (release) {
  await installDependencies(join(root, 'packaging'));
  step('Making the packages and looking at them');
  await makePackages({ release, only: only?.split(','), repository });
  say(bold(green('\nThe packages in target/package are whole')));
} else {
  step('Making the packages');
  for (const { file } of packPackages({ repository })) say(relative(root, file));
  say(bold(green(`\nInstall them in a project with: npm install ${join(PACKED, '*.tgz')}`)));
}
