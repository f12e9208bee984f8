// Programs in processes of their own.

import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAMS = fileURLToPath(new URL('../programs/', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
// A process that is still there after this long hangs. Ends before the limit of the test itself.
const LIMIT_MS = 90_000;

/**
 * Starts `programs/<name>` with arguments (any JSON). `nextLine()` gives its output line by line,
 * `ended` resolves to `{ code, signal, lines, stdout, stderr }`.
 */
export function startProgram(t, name, args = {}, options = {}) {
  return start(t, [join(PROGRAMS, name), JSON.stringify(args)], options);
}

/** Runs a program to its end. */
export const runProgram = (t, name, args, options) => startProgram(t, name, args, options).ended;

/** Runs the text of an ES module in a folder, where it can import kimdb by its name. */
export function runModule(t, folder, source) {
  linkPackage(folder);
  return start(t, ['--input-type=module', '--eval', source], { cwd: folder }).ended;
}

/** Lets the programs in a folder import kimdb by its name. */
export function linkPackage(folder) {
  const modules = join(folder, 'node_modules');
  mkdirSync(modules, { recursive: true });
  try {
    symlinkSync(PACKAGE, join(modules, 'kimdb'), 'junction');
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
}

const start = (t, args, { execArgv = [], ...options }) =>
  startCommand(t, process.execPath, [...execArgv, ...args], options);

/** Starts any command. With `group: true` a kill ends all processes that it has started, too. */
export function startCommand(t, command, args, { cwd, env, group = false }) {
  const child = spawn(command, args, {
    cwd,
    env,
    detached: group,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const kill = () => (group ? killGroup(child.pid) : child.kill('SIGKILL'));
  t.teardown(kill);

  const lines = [];
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    waiting.shift()?.(line);
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });

  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      for (const give of waiting) give(undefined);
      resolve({ code, signal, lines, stdout: lines.join('\n'), stderr });
    });
  });

  let taken = 0;
  return {
    child,
    ended,
    /** The next line of output, or undefined at its end. */
    nextLine() {
      if (taken < lines.length) return Promise.resolve(lines[taken++]);
      taken++;
      return Promise.race([
        new Promise((resolve) => {
          waiting.push(resolve);
        }),
        ended.then(() => undefined),
      ]);
    },
    kill,
  };
}

function killGroup(leader) {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
