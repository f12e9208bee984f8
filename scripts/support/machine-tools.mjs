// Finds what machines of user-mode Linux need: its kernel, and programs that make file systems. All of it are packages
// of Debian, which need not be installed: fetchMachineTools() unpacks them into a folder of the project.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { output, root } from './command.mjs';

const cache = join(root, '.cache', 'machine');

const KERNEL = { commands: ['linux.uml'], packages: ['user-mode-linux'] };
const MAKERS = {
  ext4: { commands: ['mkfs.ext4'], flags: ['-q', '-F'], packages: ['e2fsprogs'] },
  xfs: { commands: ['mkfs.xfs'], flags: ['-q', '-f'], packages: ['xfsprogs', 'libinih1', 'liburcu8'] },
  btrfs: { commands: ['mkfs.btrfs'], flags: ['-q', '-f'], packages: ['btrfs-progs'] },
};

export const FILE_SYSTEMS = Object.keys(MAKERS);

/** What is on this machine: `{ kernel, makers, missing }`, the last a list of Debian's packages, by what they are for. */
export function findMachineTools() {
  const kernel = find(KERNEL);
  const makers = {};
  const missing = {};
  if (kernel === undefined) missing.kernel = KERNEL.packages;
  for (const [fs, maker] of Object.entries(MAKERS)) {
    const found = find(maker);
    if (found === undefined) missing[fs] = maker.packages;
    else makers[fs] = { command: found, flags: maker.flags, env: searchPath() };
  }
  return { kernel, makers, missing };
}

/** Downloads and unpacks packages. Gives what went wrong, as lines. */
export function fetchMachineTools(packages) {
  if (output('apt-get', ['--version']) === undefined || output('dpkg-deb', ['--version']) === undefined)
    return ['This system has no apt-get and dpkg-deb, so the packages cannot be fetched from Debian.'];
  const downloads = join(cache, 'downloads');
  mkdirSync(downloads, { recursive: true });
  const problems = [];
  for (const name of packages) {
    if (output('apt-get', ['download', '-q', name], { cwd: downloads }) === undefined)
      problems.push(`apt-get download ${name} failed; after "apt-get update" (as root) it may work.`);
  }
  for (const file of readdirSync(downloads).filter((name) => name.endsWith('.deb'))) {
    if (output('dpkg-deb', ['-x', join(downloads, file), cache]) === undefined)
      problems.push(`${file} could not be unpacked.`);
  }
  rmSync(downloads, { recursive: true });
  return problems;
}

/** The first of the commands that is there and runs. */
function find({ commands }) {
  const { PATH } = searchPath();
  const paths = commands.flatMap((name) => PATH.split(delimiter).map((folder) => join(folder, name)));
  return paths.find((path) => existsSync(path) && runs(path));
}

/** Each of these tells its version; a library that is missing makes that fail. */
function runs(path) {
  const option = path.includes('linux') ? '--version' : '-V';
  return output('env', [...pairs(searchPath()), path, option]) !== undefined;
}

const pairs = (env) => Object.entries(env).map(([name, value]) => `${name}=${value}`);

function searchPath() {
  const inCache = (...folders) => folders.map((folder) => join(cache, folder));
  const programs = [...inCache('usr/bin', 'usr/sbin', 'sbin'), '/usr/sbin', '/sbin'];
  const libraries = inCache('lib', 'usr/lib').flatMap((folder) => [folder, join(folder, 'x86_64-linux-gnu')]);
  return {
    PATH: [process.env.PATH, ...programs].join(delimiter),
    LD_LIBRARY_PATH: libraries.join(delimiter),
  };
}
