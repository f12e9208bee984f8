// Empty projects, and programs in them, as on a machine that has never seen this repository.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { readJson } from '../pack.mjs';
import { findTarballs } from './tarballs.mjs';

/** What this folder has installed. */
export const MODULES = fileURLToPath(new URL('../node_modules', import.meta.url));
// Whoever takes longer hangs. Ends before the limit of the test itself.
const LIMIT_MS = 170_000;

/** No Rust, no compiler of the user's, no settings of npm: only Node.js and what belongs to the system. */
const bareEnvironment = (home) => ({
  PATH: [dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
  HOME: home,
  TMPDIR: process.env.TMPDIR ?? '',
  npm_config_cache: join(home, 'npm-cache'),
  npm_config_update_notifier: 'false',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
});

/** A folder of its own, with a space and letters that are not ASCII in its path, gone after the test. */
export function makeFolder(t) {
  const folder = join(realpathSync(mkdtempSync(join(tmpdir(), 'kimdb-package-'))), 'my 프로젝트');
  mkdirSync(folder);
  t.teardown(() => rmSync(dirname(folder), { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A project that has nothing but a package.json. */
export function makeProject(t, manifest = {}) {
  const folder = makeFolder(t);
  writeFiles(folder, {
    'package.json': JSON.stringify({ name: 'shop', version: '1.0.0', private: true, ...manifest }),
  });
  return folder;
}

export function writeFiles(folder, files) {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Runs a program to its end. Gives `{ code, stdout, stderr }`. */
export function run(t, command, args, { cwd, env = {} }) {
  const child = spawn(command, args, {
    cwd,
    env: { ...bareEnvironment(dirname(cwd)), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  t.teardown(() => child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? signal, ...output }));
  });
}

/** Runs a script with Node.js, or with another program, and with arguments. */
export const runScript = (
  t,
  folder,
  script,
  { runtime = [process.execPath], arguments: more = [], env } = {},
) => run(t, runtime[0], [...runtime.slice(1), script, ...more], { cwd: folder, env });

/** The script of a command that a package of this folder brings. */
export function commandOf(name, command = name) {
  const folder = join(MODULES, name);
  const { bin } = readJson(join(folder, 'package.json'));
  return join(folder, typeof bin === 'string' ? bin : bin[command]);
}

/** Runs such a command with this Node.js. */
export const runCommand = (t, folder, name, args, { command, env } = {}) =>
  run(t, process.execPath, [commandOf(name, command), ...args], { cwd: folder, env });

/** Runs npm and fails the test where npm does. */
export async function npm(t, folder, args) {
  const result = await run(t, 'npm', args, { cwd: folder });
  t.is(result.code, 0, `npm ${args.join(' ')}\n${result.stdout}${result.stderr}`);
  return result;
}

/** Installs the tarballs without a network. */
export const installOffline = (t, folder, more = []) =>
  npm(t, folder, ['install', '--offline', '--ignore-scripts', ...more, ...findTarballs()]);

/** A project in which kimdb is installed. */
export async function makeInstalledProject(t, manifest) {
  const folder = makeProject(t, manifest);
  await installOffline(t, folder);
  return folder;
}
