// The command line, in processes of its own.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const EXECUTABLE = fileURLToPath(new URL('../../bin/kimdb.js', import.meta.url));
// A command that is still there after this long hangs. Ends before the limit of the test itself.
const LIMIT_MS = 90_000;

/** A line that `load` takes. */
export const GOOD_LINE = '{"collection":"c","id":"good","data":1}';

/** Runs a command to its end: `{ code, signal, stdout, stderr }`. `input` goes to its standard input. */
export async function runCli(t, args, { input = '', ...options } = {}) {
  const { child, ended } = startCli(t, args, options);
  child.stdin.on('error', (error) => t.is(error.code, 'EPIPE'));
  child.stdin.end(input);
  return ended;
}

/** Starts a command whose standard input stays open. */
export function startCli(t, args, { cwd, env = {} } = {}) {
  const child = spawn(process.execPath, [EXECUTABLE, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: '', ...env },
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  t.teardown(() => child.kill('SIGKILL'));
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      texts[name] += text;
    });
  }
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...texts }));
  });
  return { child, ended, texts };
}

/** Runs a line of shell in which `kimdb` is the command line. */
export function runShell(t, line, { cwd, env = {} }) {
  const child = spawn('bash', ['-o', 'pipefail', '-c', `kimdb() { "$NODE" "$KIMDB" "$@"; }\n${line}`], {
    cwd,
    env: { ...process.env, ...env, NODE: process.execPath, KIMDB: EXECUTABLE },
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  t.teardown(() => child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Lines of JSON as values. */
export const parseLines = (text) => text.trimEnd().split('\n').map(JSON.parse);

/** What a database holds: all documents, by collection and id. */
export async function contentOf(t, dbPath) {
  const { code, stdout, stderr } = await runCli(t, ['--db', dbPath, 'dump']);
  t.is(code, 0, stderr);
  return new Map(
    parseLines(stdout).map(({ collection, id, data }) => [JSON.stringify([collection, id]), data]),
  );
}
