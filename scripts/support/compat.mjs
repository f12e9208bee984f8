// The tests in compat/, which run the real kimdb 7 beside this one.
import { join } from 'node:path';
import { packageBin, root } from './command.mjs';
import { installDependencies } from './dependencies.mjs';
import { compileSqlite } from './sqlite.mjs';

const folder = join(root, 'compat');

export async function prepareCompat() {
  await installDependencies(folder);
  await compileSqlite(folder);
}

/** Runs the tests with AVA; the arguments go to it. */
export const runCompat = (args, options = {}) =>
  packageBin('ava/entrypoints/cli.mjs', args, { ...options, cwd: folder });
