// Runs a test runner over its suites, in a process of its own.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SimpleDB } from 'kimdb';

const require = createRequire(import.meta.url);
const { WRITES } = require('../suites/shared.cjs');
const SCRIPTS = { jest: 'jest/bin/jest.js', vitest: 'vitest/vitest.mjs' };

/** Longer takes only a runner that does not end. */
const LIMIT_MS = 180_000;

/** What runners say when something keeps them from ending, or had to be killed. */
const HANGS = /did not exit|failed to exit|force exited|open handle|something prevents|timed out|terminated/i;

/** Files under `suites/<runner>/` that share a database. */
const SHARING = ['file1', 'file2', 'file3', 'file4'];

/** Runs the suites whose names contain one of the words in `files`; answers `{ code, signal, output, hangs }`. */
export async function runSuites(t, runner, files, ...args) {
  const folder = mkdtempSync(join(tmpdir(), `kimdb-${runner}-`));
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const script = fileURLToPath(new URL(`../node_modules/${SCRIPTS[runner]}`, import.meta.url));
  const child = spawn(process.execPath, [script, ...args, ...files], {
    cwd: fileURLToPath(new URL(`../suites/${runner}/`, import.meta.url)),
    // The colours would come between the words; the variables of AVA mean something to others too.
    env: { PATH: process.env.PATH, NO_COLOR: '1', KIMDB_RUNNERS_FOLDER: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const { code, signal } = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  return { code, signal, output, hangs: HANGS.exec(output)?.[0], folder };
}

/** Everything passed, the runner ended by itself, and what the files wrote to the shared database is there. */
export async function passes(t, runner, files, ...args) {
  const { code, signal, output, hangs, folder } = await runSuites(t, runner, files, ...args);
  t.deepEqual({ code, signal, hangs }, { code: 0, signal: null, hangs: undefined }, output);
  if (!files.includes('shared')) return;
  const paths = { dbPath: join(folder, 'shared.db'), walPath: join(folder, 'shared.wal') };
  const db = new SimpleDB({ ...paths, logger: false });
  t.teardown(() => db.close());
  for (const collection of ['shared', 'forgotten']) {
    for (const name of SHARING) {
      const ids = Array.from({ length: WRITES }, (_, i) => `${name}-${i}`);
      const found = await db.getMany(collection, ids);
      t.deepEqual(
        found.map((document) => document?.data),
        ids.map((_, i) => ({ name, i })),
        `${collection} of ${name}`,
      );
    }
  }
}
