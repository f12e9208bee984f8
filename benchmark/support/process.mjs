// Runs one measurement in fresh processes, so that no driver inherits another one's heap or threads.
import { fork, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const child = fileURLToPath(new URL('child.mjs', import.meta.url));
const TIMEOUT_MS = 30 * 60_000;

/**
 * All phases of a workload on one driver. They share a folder, which one that `starts` 'empty' finds empty.
 * @returns {Promise<{ figures: object[], peakMegabytes: number }>}
 */
export async function measure({ workload, driver, phases, folder, options, isSmoke }) {
  const own = join(folder, driver);
  emptyFolder(own);
  const order = { workload, driver, folder: own, options };
  const results = [];
  try {
    for (let phase = 0; phase < phases.length; phase++) {
      const { starts, ends } = phases[phase];
      if (starts === 'empty' && phase > 0) {
        emptyFolder(own);
        writeBack(isSmoke);
      }
      results.push(await runPhase({ ...order, phase }, ends === 'killed'));
    }
  } finally {
    rmSync(own, { recursive: true, force: true });
    writeBack(isSmoke);
  }
  return {
    figures: results.flatMap(({ figures }) => figures),
    peakMegabytes: Math.max(...results.map(({ peakMegabytes }) => peakMegabytes)),
  };
}

/** What was left to be written to the disk must not slow down what comes next. */
function writeBack(isSmoke) {
  if (!isSmoke && process.platform !== 'win32') spawnSync('sync');
}

function emptyFolder(path) {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
}

function runPhase(order, endsKilled) {
  return new Promise((resolve, reject) => {
    // What a driver prints is not part of the report.
    const worker = fork(child, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const timer = setTimeout(() => worker.kill('SIGKILL'), TIMEOUT_MS);
    let result;
    worker.on('message', (message) => {
      result = message;
      if (endsKilled) worker.kill('SIGKILL');
      else worker.disconnect();
    });
    worker.on('error', reject);
    worker.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (result?.error) reject(new Error(result.error));
      else if (result) resolve(result);
      else reject(new Error(`ended with ${signal ?? `code ${code}`} before it had a result`));
    });
    worker.send(order);
  });
}
