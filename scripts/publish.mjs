// node scripts/publish.mjs: publishes the tarballs in target/package, the engines first, so that whoever gets kimdb can get its
// engine. What is published already is left alone, so it can be run again after it has stopped half way. --dry-run only says
// what npm would do.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { readOptions } from './support/arguments.mjs';
import { npm, output, root } from './support/command.mjs';
import { PLATFORMS, packageOf } from './support/platforms.mjs';
import { bold, fail, green, say, step } from './support/terminal.mjs';

const USAGE = 'node scripts/publish.mjs [--dry-run]';

const { 'dry-run': isDry } = readOptions(USAGE, { 'dry-run': 'boolean' });
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
// `npm install kimdb` gives no version that is not finished.
const tag = version.includes('-') ? 'next' : 'latest';
const packages = [...PLATFORMS.map(packageOf), 'kimdb'].map((name) => ({
  name,
  file: join(root, 'target', 'package', `${name}-${version}.tgz`),
}));
const missing = packages.filter(({ file }) => !existsSync(file));
if (missing.length > 0) {
  fail('Only all packages are published together. Missing:', ...missing.map(({ file }) => `  ${file}`));
}
for (const { name, file } of packages) {
  if (isPublished(name)) {
    say(`${name} ${version} is published already`);
    continue;
  }
  step(`Publishing ${name} ${version} as ${tag}`);
  // npm signs where a package comes from only in workflows.
  const isSigned = Boolean(process.env.ACTIONS_ID_TOKEN_REQUEST_URL);
  const flags = ['--access', 'public', '--tag', tag, '--ignore-scripts'];
  const code = await npm([
    'publish',
    file,
    ...flags,
    ...(isDry ? ['--dry-run'] : []),
    ...(isSigned ? ['--provenance'] : []),
  ]);
  if (code !== 0) fail(`${name} was not published; npm says why above. Run this again when that is mended.`);
}
say(
  bold(
    green(
      `\n${packages.length} packages of version ${version} ${isDry ? 'would be' : 'are'} published as ${tag}`,
    ),
  ),
);
process.exitCode = 0;

function isPublished(name) {
  return (
    output('npm', ['view', `${name}@${version}`, 'version'], { shell: process.platform === 'win32' }) ===
    version
  );
}
