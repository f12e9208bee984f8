// One store under load, from the first connection to the last answer.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Helper } from './processes.mjs';

/** Before the figures count, so that they are those of compiled code. */
const WARM_SECONDS = 3;

/**
 * @param {(what: string) => void} say told what begins
 * @returns {Promise<object>} the figures of the mix and of the bursts, everything that failed, and samples over time
 */
export async function runStore(store, round, { size, folder, isSmoke }, say) {
  const { connections, seconds, rate, bursts, burstEveryMs } = size;
  // Somebody else may run this at the same time.
  const own = join(folder, `${store}-${process.pid}`);
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own, { recursive: true });
  const samples = [];
  const server = new Helper('server', (sample) => samples.push(sample));
  const client = new Helper('client', (sample) => samples.push(sample));
  const parts = [];
  const tell = async (what, order, details) => {
    say(what);
    const part = await client.order(order, details);
    parts.push(part);
    return part;
  };
  try {
    const { port } = await server.order('open', { store, folder: own });
    say('connects');
    await client.order('connect', { port, connections });
    await tell('first sessions', 'fill', { rate });
    await tell('warms up', 'mix', { rate, seconds: isSmoke ? 1 : WARM_SECONDS, seed: 1 });

    const measure = async (what, order, details) => {
      await server.order('measure');
      const busy = watchMachine();
      const from = Date.now();
      const figures = await tell(what, order, details);
      const own = await server.order('measure');
      // What other programs took is in no figure, but it may be why one is bad.
      const others = Math.max(0, busy() - own.cores - figures.cores);
      return { ...figures, server: own, others, from, to: Date.now() };
    };
    const mix = await measure('reads and writes', 'mix', { rate, seconds, seed: round + 2 });
    const burst = await measure('bursts', 'bursts', { bursts, everyMs: burstEveryMs });
    await tell('reads what is left', 'check', { rate });
    say('closes');
    await server.order('close');
    return { store, round, mix, burst, ...problemsOf(parts), samples };
  } finally {
    await Promise.all([server.end(), client.end()]);
    rmSync(own, { recursive: true, force: true });
    // What this store left to be written to the disk must not slow down the next one.
    if (!isSmoke && process.platform !== 'win32') spawnSync('sync');
  }
}

/** Gives how many of the machine's cores were busy since. */
function watchMachine() {
  const start = performance.now();
  const before = busyMs();
  return () => (busyMs() - before) / (performance.now() - start);
}

const busyMs = () =>
  os.cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);

/** Over all phases, also those whose times do not count. */
function problemsOf(parts) {
  const sum = (key) => parts.reduce((total, part) => total + part[key], 0);
  return {
    answers: sum('requests'),
    failed: sum('failed'),
    wrong: sum('wrong'),
    problems: parts.flatMap(({ problems }) => problems).slice(0, 5),
  };
}
