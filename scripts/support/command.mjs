// Starts other programs from the repository's root.
import { spawn, spawnSync } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const windows = process.platform === 'win32';

/** Programs that run. None goes on when a script has ended, because something else that it started has failed. */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill();
});
// By itself the signal ends a script without that.
process.once('SIGTERM', () => process.exit(143));

/**
 * Runs a program and waits for it. Its output goes to the terminal as it comes; `onLine` sees each
 * line of the standard output too, or alone if it is `hidden`.
 * @returns {Promise<number>} the exit code; 127 when the program is not there
 */
export function run(program, args, { cwd = root, env = {}, onLine, hidden = false, shell = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      shell,
      env: { ...process.env, ...env },
      stdio: ['inherit', onLine ? 'pipe' : 'inherit', 'inherit'],
    });
    if (onLine) readLines(child.stdout, onLine, hidden);
    running.add(child);
    const end = (code) => {
      running.delete(child);
      resolve(code);
    };
    child.on('error', () => end(127));
    child.on('close', (code) => end(code ?? 1));
  });
}

/** Runs a program and gives what it printed, or `undefined` when it is missing or fails. */
export function output(program, args, { cwd = root, shell = false } = {}) {
  const result = spawnSync(program, args, { cwd, shell, encoding: 'utf8' });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** Runs npm: the one that started this script, else the one on the PATH. */
export function npm(args, options = {}) {
  const cli = process.env.npm_execpath;
  if (cli && basename(cli) === 'npm-cli.js') return run(process.execPath, [cli, ...args], options);
  // npm is a .cmd file on Windows, which only a shell can start.
  return run('npm', args, { ...options, shell: windows });
}

/** Runs the command of an installed package, given the path of its script in node_modules. */
export function packageBin(script, args, options = {}) {
  return run(process.execPath, [join(root, 'node_modules', script), ...args], options);
}

function readLines(stream, onLine, hidden) {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text) => {
    if (!hidden) process.stdout.write(text);
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    lines.forEach(onLine);
  });
  stream.on('end', () => {
    if (rest) onLine(rest);
  });
}
