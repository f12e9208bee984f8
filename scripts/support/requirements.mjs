// Looks for what has to be on the machine: Node.js, Rust and a C compiler (for the bundled SQLite).
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { output, root } from './command.mjs';
import { fail, say } from './terminal.mjs';

// The package runs on any Node.js 20; the tools that build and test it ask for this one.
const NODE = '20.17.0';

/** Ends the script, naming everything that is missing and how to get it. */
export function requireTools() {
  addCargoToPath();
  const missing = [nodeProblem(), rustProblem(), compilerProblem()].filter(Boolean);
  if (missing.length > 0) {
    fail('Something is missing on this machine:', ...missing.map((text) => `  - ${text}`));
  }
  say(`Node.js ${process.versions.node}, ${rustVersion()}`);
}

function nodeProblem() {
  const found = process.versions.node;
  if (atLeast(found, NODE)) return undefined;
  return `Node.js ${NODE} or newer is needed, this is ${found}. Get it from https://nodejs.org`;
}

function rustProblem() {
  const needed = /^rust-version = "(.+)"/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))?.[1];
  const found = rustVersion()?.split(' ')[1];
  if (!found || !output('cargo', ['--version'])) {
    return `Rust ${needed} or newer (cargo and rustc) was not found. Get it from https://rustup.rs, then open a new terminal`;
  }
  if (atLeast(found, needed)) return undefined;
  return `Rust ${needed} or newer is needed, this is ${found}. Update it with: rustup update stable`;
}

function compilerProblem() {
  // On Windows the Rust installer asks for the compiler itself.
  if (process.platform === 'win32') return undefined;
  const found = output(process.env.CC || 'cc', ['--version'], { shell: Boolean(process.env.CC) });
  if (found !== undefined) return undefined;
  const how =
    process.platform === 'darwin'
      ? 'xcode-select --install'
      : 'apt install build-essential, dnf install gcc, or apk add build-base';
  return `a C compiler (cc) was not found; SQLite is compiled with it. Get it with: ${how}`;
}

/** rustup installs into the home folder; a terminal that was open before does not know it yet. */
function addCargoToPath() {
  const folder = join(process.env.CARGO_HOME || join(homedir(), '.cargo'), 'bin');
  if (existsSync(folder)) process.env.PATH = `${process.env.PATH}${delimiter}${folder}`;
}

function rustVersion() {
  // "rustc 1.89.0 (...)", run where a rust-toolchain file would count.
  return output('rustc', ['--version'])?.split(' ').slice(0, 2).join(' ');
}

function atLeast(found, needed) {
  const a = found.split('.').map((part) => Number.parseInt(part, 10));
  const b = needed.split('.').map((part) => Number.parseInt(part, 10));
  for (let i = 0; i < b.length; i++) {
    if ((a[i] || 0) !== b[i]) return (a[i] || 0) > b[i];
  }
  return true;
}
