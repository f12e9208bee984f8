// Installs npm dependencies when node_modules is missing or is not what the lock file says.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root } from './command.mjs';
import { fail, step } from './terminal.mjs';

/** @param {string} folder folder with a package.json and a package-lock.json */
export async function installDependencies(folder = root) {
  if (isInstalled(folder)) return;
  step(`Installing npm dependencies${folder === root ? '' : ` in ${folder}`}`);
  const code = await npm(['ci', '--no-audit', '--no-fund'], { cwd: folder });
  if (code !== 0) {
    fail(
      `npm ci failed in ${folder}.`,
      'The lines above say why; the network or the npm registry is the usual reason. Then run this again.',
    );
  }
}

/** Whether what the lock file says is there: npm leaves what it installed in node_modules/.package-lock.json, in the lock file's format. */
export function isInstalled(folder) {
  const wanted = readPackages(join(folder, 'package-lock.json'));
  const found = readPackages(join(folder, 'node_modules', '.package-lock.json'));
  if (!wanted || !found) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    // Optional packages are there only where they fit the machine.
    if (!found[path]) return Boolean(entry.optional || entry.devOptional);
    return found[path].version === entry.version;
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}
