// zig as C compiler and linker. It can link for another system, and against an old glibc, without that system being there.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { output, root, run } from './command.mjs';
import { fail, step } from './terminal.mjs';

const folder = join(root, 'target', 'zig');
const programs = join(folder, 'bin');

/** Installs it where it is missing, apart from what else is on the machine. Gives the search path to find it by. */
export async function prepareZig() {
  if (!existsSync(join(programs, 'cargo-zigbuild'))) await install();
  return [programs, process.env.PATH].join(delimiter);
}

async function install() {
  step('Installing zig and cargo-zigbuild from PyPI, in target/zig');
  if (output('python3', ['-m', 'venv', folder]) === undefined) {
    fail('python3 -m venv does not work. Get it with: apt install python3-venv');
  }
  const requirements = join(root, 'packaging', 'zig-requirements.txt');
  const flags = ['--quiet', '--disable-pip-version-check', '--only-binary', ':all:', '--require-hashes'];
  const code = await run(join(programs, 'pip'), ['install', ...flags, '--requirement', requirements]);
  if (code !== 0) fail('pip could not install them; the lines above say why.');
}
