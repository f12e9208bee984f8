// node scripts/versions.mjs: whether everything that follows from package.json does: the version in Cargo.toml and in the lock
// files, the packages in npm/, and the changelog. With --write it is brought in line; `npm version` does so by itself.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { root } from './support/command.mjs';
import { NOTICES } from './support/notices.mjs';
import { binaryOf, PLATFORMS, packageOf } from './support/platforms.mjs';
import { fail, say } from './support/terminal.mjs';

const SHARED = ['version', 'author', 'license', 'engines'];

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { version } = manifest;
const wanted = new Map([
  ['Cargo.toml', replaced('Cargo.toml', /^version = ".*"$/m, `version = "${version}"`)],
  ...['Cargo.lock', 'fuzz/Cargo.lock'].map((file) => [
    file,
    replaced(file, /(?<=name = "kimdb"\n)version = ".*"/, `version = "${version}"`),
  ]),
  ...['docs/installing.md', 'docs/installing.ko.md'].map((file) => [
    file,
    replaced(file, /(?<=kimdb-(?:linux-x64-gnu-)?)\d+\.\d+\.\d+[\w.-]*(?=\.tgz)/g, version),
  ]),
  ...PLATFORMS.flatMap((platform) => [
    [`npm/${platform.name}/package.json`, `${JSON.stringify(platformManifest(platform), null, 2)}\n`],
    [`npm/${platform.name}/README.md`, platformReadme(platform)],
  ]),
]);
const known = PLATFORMS.map(({ name }) => name);
const strangers = readdirSync(join(root, 'npm')).filter((name) => !known.includes(name));
const stale = [...wanted].filter(([file, text]) => !existsSync(join(root, file)) || read(file) !== text);

const isWriting = process.argv.includes('--write');
if (isWriting) write();
else check();
checkOthers();
const reminder = missingHeading();
if (reminder !== undefined && !isWriting) fail(reminder);
say(reminder ?? `Version ${version}: everything that follows from package.json agrees with it`);

function write() {
  for (const name of strangers) rmSync(join(root, 'npm', name), { recursive: true });
  for (const [file, text] of stale) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
}

function check() {
  const wrong = [...stale.map(([file]) => file), ...strangers.map((name) => `npm/${name}`)];
  if (wrong.length === 0) return;
  fail(
    'Not as package.json says:',
    ...wrong.map((file) => `  ${file}`),
    'Mend it with: node scripts/versions.mjs --write',
  );
}

/** What others write. */
function checkOthers() {
  const lock = JSON.parse(read('package-lock.json'));
  if (lock.version !== version || lock.packages[''].version !== version) {
    fail(`package-lock.json is not of version ${version}: change the version with npm version, not by hand.`);
  }
  const targets = PLATFORMS.map(({ target }) => target);
  if (targets.join() !== manifest.napi.targets.join()) {
    fail('napi.targets in package.json are not the targets in lib/platforms.js, in that order.');
  }
}

/** The changelog is written by hand. */
function missingHeading() {
  const [, latest] = /^## (?:\[Unreleased\] )?\[?([^\]\s]+)/m.exec(read('CHANGELOG.md'));
  if (latest === version) return undefined;
  return `CHANGELOG.md begins with ${latest}: give version ${version} a heading and say what changes for users.`;
}

function read(file) {
  return readFileSync(join(root, file), 'utf8');
}

function replaced(file, pattern, text) {
  return read(file).replace(pattern, text);
}

function platformManifest(platform) {
  const { os, cpu, libc } = platform;
  const shared = Object.fromEntries(SHARED.map((key) => [key, manifest[key]]));
  return {
    name: packageOf(platform),
    ...shared,
    description: `The native engine of kimdb for ${inWords(platform)}`,
    type: 'commonjs',
    main: binaryOf(platform),
    files: [binaryOf(platform), NOTICES],
    os: [os],
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
  };
}

function platformReadme(platform) {
  return `# ${packageOf(platform)}

The native engine of [kimdb](https://www.npmjs.com/package/kimdb) for ${inWords(platform)}. It comes with \`kimdb\` by itself;
there is no need to install it by hand.
`;
}

function inWords({ os, cpu, libc }) {
  const system = { linux: 'Linux', darwin: 'macOS', win32: 'Windows' }[os];
  return libc === undefined ? `${system} ${cpu}` : `${system} ${cpu} with ${libc}`;
}
