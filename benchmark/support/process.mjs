// Runs one measurement in a fresh process, so that no driver inherits another one's heap or threads.
import { fork, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const child = fileURLToPath(new URL('child.mjs', import.meta.url));

/** @returns {Promise<{ operations: number, milliseconds: number, peakMegabytes: number }>} */
export function measure({ workload, driver, folder, options }) {
  const own = join(folder, driver);
  return new Promise((resolve, reject) => {
    // What a driver prints is not part of the report.
    const worker = fork(child, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    let result;
    worker.on('message', (message) => {
      result = message;
    });
    worker.on('error', reject);
    worker.on('exit', (code, signal) => {
      rmSync(own, { recursive: true, force: true });
      // What this driver left to be written to the disk must not slow down the next one.
      spawnSync('sync');
      if (result && code === 0) resolve(result);
      else reject(new Error(`${driver} ended with ${signal ?? `code ${code}`} before it had a result`));
    });
    worker.send({ workload, driver, folder: own, options });
  });
}
