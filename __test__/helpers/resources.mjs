// What this process holds, where the system tells (Linux).

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

export const canCount = existsSync('/proc/self/task');

/** The names of the engine's threads that run, and how many threads there are in all. */
export function threads() {
  const names = readdirSync('/proc/self/task').map((id) => quietly(() => read(`/proc/self/task/${id}/comm`)));
  return { count: names.length, ofEngine: names.filter((name) => name?.startsWith('kimdb-')) };
}

/**
 * Files in a folder that are open or mapped, and how many files are open in all but for modules, which Node.js itself
 * leaves open when a worker is terminated while it loads them.
 */
export function files(folder) {
  const links = readdirSync('/proc/self/fd').map((id) => quietly(() => readlinkSync(`/proc/self/fd/${id}`)));
  const open = links.filter((link) => link !== undefined && !/\.[cm]?js$/.test(link));
  const mapped = read('/proc/self/maps').split('\n');
  return { count: open.length, inFolder: [...open, ...mapped].filter((line) => line.includes(folder)) };
}

/** Megabytes of memory that are resident. */
export const residentMb = () => Math.round(process.memoryUsage.rss() / 2 ** 20);

const read = (path) => readFileSync(path, 'utf8').trim();

/** A thread or file may be gone before it is looked at. */
function quietly(look) {
  try {
    return look();
  } catch {
    return undefined;
  }
}
