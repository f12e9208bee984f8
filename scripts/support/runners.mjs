// The tests in runners/, which run kimdb inside Jest and Vitest.
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { packageBin, root } from './command.mjs';
import { installDependencies } from './dependencies.mjs';

const folder = join(root, 'runners');

export async function prepareRunners() {
  await installDependencies(folder);
  // Its suites import kimdb by its name, as a program elsewhere does.
  const link = join(folder, 'node_modules', 'kimdb');
  if (!existsSync(link)) symlinkSync(root, link, 'junction');
}

/** Runs the tests with AVA. */
export const runRunners = (options = {}) =>
  packageBin('ava/entrypoints/cli.mjs', [], { ...options, cwd: folder });
