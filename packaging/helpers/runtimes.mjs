// The programs that run JavaScript: this Node.js, and those that are installed in this folder. They are there for Linux on x64
// with glibc; elsewhere this Node.js is the only one.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { thisPlatform } from '../../scripts/support/platforms.mjs';
import { MODULES } from './project.mjs';

const FOUND_HERE = thisPlatform().name === 'linux-x64-gnu';

const NODES = ['node-20-0', 'node-22', 'node-24', 'node-26'];

/** The command that runs a script, by the name of what runs it. */
export const RUNTIMES = new Map([
  [`this Node.js (${process.versions.node})`, [process.execPath]],
  ...NODES.flatMap((name) => nodeVersion(name).map(([title, executable]) => [title, [executable]])),
  ...installed('Bun', '@oven/bun-linux-x64/bin/bun', (executable) => [executable]),
  ...installed('Deno', '@deno/linux-x64-glibc/deno', (executable) => [
    executable,
    'run',
    '--allow-all',
    '--no-prompt',
  ]),
]);

/** `[[title, executable]]` of a Node.js; empty where it is none for this system. */
export function nodeVersion(name) {
  return installed(
    name.replace('node-', 'Node.js ').replace('-', '.'),
    `${name}/bin/node`,
    (executable) => executable,
  );
}

function installed(title, path, value) {
  if (!FOUND_HERE) return [];
  const executable = join(MODULES, path);
  if (!existsSync(executable))
    throw new Error(`${title} is missing in ${MODULES}; install it with: npm ci --prefix packaging`);
  return [[title, value(executable)]];
}
