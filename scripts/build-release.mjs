// npm run build:release -- --target <target>: the engine as it is published, for one system, into npm/. For Linux it is linked
// against the oldest glibc that is promised; for macOS and Windows it is built on these systems.
import { copyFileSync, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { readOptions } from './support/arguments.mjs';
import { output, root, run } from './support/command.mjs';
import { binaryOf, folderOf, OLDEST_GLIBC, PLATFORMS, thisPlatform } from './support/platforms.mjs';
import { requireTools } from './support/requirements.mjs';
import { fail, say, step } from './support/terminal.mjs';
import { prepareZig } from './support/zig.mjs';

const USAGE = `npm run build:release -- [--target <target>]
  --target   one of ${PLATFORMS.map(({ target }) => target).join(', ')}; this machine's unless given`;

const LIBRARY = { linux: 'libkimdb.so', darwin: 'libkimdb.dylib', win32: 'kimdb.dll' };

const options = readOptions(USAGE, { target: 'string' });
const target = options.target ?? thisPlatform()?.target;
const platform = PLATFORMS.find((candidate) => candidate.target === target);
if (platform === undefined) fail(`There is no package for ${target ?? 'this system'}.`, '', USAGE);
requireTools();
requireStandardLibrary();
step(`Building the engine for ${platform.name}`);
if ((await (platform.os === 'linux' ? buildWithZig() : buildWithCargo())) !== 0) {
  fail('The engine did not build; the compiler says why above.');
}
const binary = join(folderOf(platform), binaryOf(platform));
copyFileSync(join(root, 'target', target, 'release', LIBRARY[platform.os]), binary);
say(`Written: ${binary}`);

/** rustc needs the standard library of the system that it builds for. */
function requireStandardLibrary() {
  const folder = output('rustc', ['--print', 'target-libdir', '--target', target]);
  if (folder === undefined || !existsSync(folder)) {
    fail(`Rust's standard library for ${target} is missing. Get it with: rustup target add ${target}`);
  }
}

async function buildWithZig() {
  const isMusl = platform.libc === 'musl';
  // A library that Node.js loads shares the C library of Node.js; Rust's default for musl is one of its own.
  const env = { PATH: await prepareZig(), ...flags(...(isMusl ? ['-Ctarget-feature=-crt-static'] : [])) };
  const linked = isMusl ? target : `${target}.${OLDEST_GLIBC}`;
  return run('cargo', ['zigbuild', '--release', '--lib', '--locked', '--target', linked], { env });
}

function buildWithCargo() {
  // Otherwise Windows needs Microsoft's C library, which is not part of it.
  const env = flags(...(platform.os === 'win32' ? ['-Ctarget-feature=+crt-static'] : []));
  return run('cargo', ['build', '--release', '--lib', '--locked', '--target', target], { env });
}

/** The environment for these flags, and those that keep the paths of this machine out of the engine. */
function flags(...more) {
  const cargo = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
  const all = [`--remap-path-prefix=${cargo}=cargo`, `--remap-path-prefix=${root}=kimdb`, ...more];
  // RUSTFLAGS could not hold a path with a space.
  return { CARGO_ENCODED_RUSTFLAGS: all.join('\x1f') };
}
