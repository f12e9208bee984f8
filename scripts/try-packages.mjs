// node scripts/try-packages.mjs: installs the tarballs in target/package in an empty project, as a user of this system would, and
// runs programs there. Needs Node.js and npm alone, so it runs on systems that cannot build kimdb.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { root } from './support/command.mjs';
import { packageOf, thisPlatform } from './support/platforms.mjs';
import { bold, fail, green, say } from './support/terminal.mjs';

const OPEN = "import SimpleDB from 'kimdb/hyperscale';\nconst db = new SimpleDB({ flushInterval: 60000 });\n";

const PROGRAMS = [
  {
    name: 'writes and reads',
    source: `${OPEN}await db.set('users', 1, { name: 'Kim' });\nconsole.log((await db.get('users', 1)).data.name);\ndb.close();`,
    output: 'Kim\n',
  },
  {
    name: 'is killed',
    source: `${OPEN}await db.set('users', 2, { name: 'Lee' });\nprocess.kill(process.pid, 'SIGKILL');`,
    output: '',
  },
  {
    name: 'finds everything again',
    source: `${OPEN}console.log((await db.getAll('users')).length);\ndb.close();`,
    output: '[kimdb] Recovering 1 buffered writes from WAL...\n[kimdb] Recovered 1 writes\n2\n',
  },
];

const platform = thisPlatform();
if (platform === undefined) fail(`There is no package for ${process.platform}-${process.arch}.`);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const tarballs = ['kimdb', packageOf(platform)].map((name) =>
  join(root, 'target', 'package', `${name}-${version}.tgz`),
);
const missing = tarballs.filter((file) => !existsSync(file));
if (missing.length > 0) fail('These are missing; make them with: npm run package', ...missing);

const project = mkdtempSync(join(tmpdir(), 'kimdb packages '));
process.on('exit', () => rmSync(project, { recursive: true, force: true, maxRetries: 5 }));
writeFileSync(join(project, 'package.json'), '{ "private": true }');
// npm is a .cmd file on Windows, which only a shell can start.
const quoted = tarballs.map((file) => (process.platform === 'win32' ? `"${file}"` : file));
const install = start(
  'npm',
  ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...quoted],
  process.platform === 'win32',
);
if (install.status !== 0) fail('npm install failed:', install.stdout, install.stderr);
for (const { name, source, output } of PROGRAMS) {
  writeFileSync(join(project, 'program.mjs'), source);
  const { stdout, stderr } = start(process.execPath, ['program.mjs']);
  if (stdout !== output) fail(`The program that ${name} printed:`, stdout, stderr, 'and not:', output);
  say(`A program ${name}`);
}
say(bold(green(`\nkimdb ${version} works here: ${platform.name}, Node.js ${process.versions.node}`)));

function start(command, args, shell = false) {
  return spawnSync(command, args, { cwd: project, shell, encoding: 'utf8' });
}
