// Test suites that have a folder with packages of their own, and run with AVA there.
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { packageBin, root } from './command.mjs';
import { installDependencies } from './dependencies.mjs';
import { makePackages, packDependencies } from './packaging.mjs';
import { compileSqlite } from './sqlite.mjs';

/**
 * By folder: the name of the suite, what it is, what `complete`s its packages, and what has to be prepared besides, with
 * the addon.
 */
export const SUITES = {
  'examples/fastify': {
    name: 'Examples',
    title: 'Example tests: an HTTP API with Fastify',
    prepare: linkKimdb,
  },
  runners: {
    name: 'Runners',
    title: 'Runner tests: inside Jest and Vitest',
    prepare: linkKimdb,
  },
  browser: {
    name: 'Browser',
    title: 'Browser tests: the monitor in Chromium, and behind Express and Fastify',
    prepare: linkKimdb,
  },
  load: {
    name: 'Load',
    title: 'Load tests: a short run of the server and its clients',
  },
  compat: {
    name: 'Compatibility',
    title: 'Compatibility tests: kimdb 7 and this one side by side',
    complete: (folder) => compileSqlite(folder, ['better-sqlite3', 'kimdb-old']),
  },
  packaging: {
    name: 'Packages',
    title: 'Package tests: installed from tarballs, in all ways that users do',
    prepare: async () => {
      await makePackages();
      packDependencies();
    },
  },
};

/** Gets the packages of all suites, one after the other. Needs no addon. */
export async function installSuites() {
  for (const folder of Object.keys(SUITES)) await installSuite(folder);
}

async function installSuite(folder) {
  const path = join(root, folder);
  await installDependencies(path);
  await SUITES[folder].complete?.(path);
}

/** Gets what a suite still lacks. Needs the addon. */
export async function prepareSuite(folder) {
  await installSuite(folder);
  await SUITES[folder].prepare?.(join(root, folder));
}

/** Runs the tests of a folder; the arguments go to AVA. */
export const runSuite = (folder, args = [], options = {}) =>
  packageBin('ava/entrypoints/cli.mjs', args, { ...options, cwd: join(root, folder) });

/** Lets what is in a folder import kimdb by its name, as a program elsewhere does. */
function linkKimdb(path) {
  const link = join(path, 'node_modules', 'kimdb');
  if (!existsSync(link)) symlinkSync(root, link, 'junction');
}
