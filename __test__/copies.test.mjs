// Two copies of the engine in one process, as of a package that is installed twice.

import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { openSimple, pathsIn, useFolder } from './helpers/database.mjs';

const { cache } = createRequire(import.meta.url);

/** What an opening by a worker comes to that loads the engine from `file`. */
function openWith(file, options) {
  const env = { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: file };
  const worker = new Worker(new URL('./programs/open-once.mjs', import.meta.url), {
    argv: [JSON.stringify(options)],
    env,
    stdout: true,
  });
  return new Promise((resolve, reject) => {
    let said = '';
    worker.stdout.on('data', (text) => {
      said += text;
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve(said.trim()));
  });
}

// Elsewhere locks are not the process's, or nobody can tell.
if (process.platform === 'linux') {
  test('a copy of the engine does not open what another one has open', async (t) => {
    const folder = useFolder(t);
    const options = { ...pathsIn(folder), logger: false };
    const db = openSimple(t, options);
    const engine = Object.keys(cache).find((file) => file.endsWith('.node'));
    const copy = join(folder, 'copy.node');
    copyFileSync(engine, copy);
    t.is(await openWith(engine, options), 'open');
    t.is(await openWith(copy, options), 'KIMDB_LOCKED');
    db.close();
    t.is(await openWith(copy, options), 'open');
  });
}
