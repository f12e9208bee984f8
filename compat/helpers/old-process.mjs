// Processes that run kimdb 7.

import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../programs/old.mjs', import.meta.url));

/**
 * Runs a process of kimdb 7 in a folder, to which its paths are relative, and gives `{ code, signal, results }`.
 * With `killAfter` it is killed (SIGKILL) when so many of its steps have returned.
 */
export async function runOld(folder, { options, steps, killAfter }) {
  const orders = join(folder, 'orders.json');
  writeFileSync(
    orders,
    JSON.stringify({ options, steps, ending: killAfter === undefined ? 'close' : 'hang' }),
  );
  const child = spawn(process.execPath, [PROGRAM, orders], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const results = [];
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    results.push(JSON.parse(line));
    if (results.length === killAfter) child.kill('SIGKILL');
  });
  const [code, signal] = await new Promise((resolve) => {
    child.on('close', (...how) => resolve(how));
  });
  rmSync(orders);
  return { code, signal, results, stderr };
}
