// The example with Fastify, the only one that needs a package of its own.
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { packageBin, root } from './command.mjs';
import { installDependencies } from './dependencies.mjs';

const folder = join(root, 'examples', 'fastify');

export async function prepareExamples() {
  await installDependencies(folder);
  // It imports kimdb by its name, as a program elsewhere does.
  const link = join(folder, 'node_modules', 'kimdb');
  if (!existsSync(link)) symlinkSync(root, link, 'junction');
}

/** Runs its tests with AVA. */
export const runExamples = (options = {}) =>
  packageBin('ava/entrypoints/cli.mjs', [], { ...options, cwd: folder });
