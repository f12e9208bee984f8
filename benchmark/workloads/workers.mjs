// Worker threads of one process that write to one database, and then read from it, all at once: does more of them do more?

import process from 'node:process';
import { expectDocuments } from '../support/check.mjs';
import { COLLECTION, smallDocument } from '../support/documents.mjs';
import { openThreads } from '../support/threads.mjs';

export const title = 'documents of 200 bytes by 1 to 8 worker threads at once, all on one database';

export const THREADS = [1, 2, 4, 8];
const GROUPS = {
  acknowledged: ['acknowledged, writes/s', 'writes/s'],
  flushed: ['until flushed, writes/s', 'writes/s'],
  read: ['reads/s', 'reads/s'],
  // Where more threads only get into each other's way, an operation takes more of the processors.
  'write-cost': ['processor time of a write until flushed, ns', 'ns'],
  'read-cost': ['processor time of a read, ns', 'ns'],
};
export const lines = Object.fromEntries(
  Object.entries(GROUPS).flatMap(([name, [group, unit]]) =>
    THREADS.map((threads) => [
      `${name}-${threads}`,
      {
        title: threads === 1 ? '1 worker' : `${threads} workers`,
        unit,
        group,
      },
    ]),
  ),
);
export const needs = ['set', 'get', 'acknowledge', 'flush', 'workers'];
export const sizes = {
  full: { count: 400_000 },
  quick: { count: 80_000 },
  smoke: { count: 800 },
};

/** Each number of threads begins with an empty database: what others wrote before would cost the later ones more. */
export const phases = ({ count }) =>
  THREADS.map((threads) =>
    Object.assign((phase) => measureThreads(threads, count, phase), { starts: 'empty' }),
  );

async function measureThreads(threads, count, { open, driver, folder }) {
  const store = await open();
  const pool = await openThreads(threads, { driver, folder, each: count / threads });
  const figures = [];
  const note = (line, operations, milliseconds) =>
    figures.push({ line: `${line}-${threads}`, operations, milliseconds });
  const noteCost = (line, before) =>
    figures.push({ line: `${line}-${threads}`, value: (processorMs(before) / count) * 1e6 });

  let before = process.cpuUsage();
  let start = performance.now();
  await pool.run('write');
  note('acknowledged', count, performance.now() - start);
  await store.flush();
  note('flushed', count, performance.now() - start);
  noteCost('write-cost', before);
  for (let number = 0; number < threads; number++) {
    await expectDocuments(store, COLLECTION, count / threads, (i) => pool.idOf(number, i), smallDocument);
  }

  before = process.cpuUsage();
  start = performance.now();
  await pool.run('read');
  note('read', count, performance.now() - start);
  noteCost('read-cost', before);
  await pool.end();
  return figures;
}

/** Of all threads of the process, those of the store too. */
function processorMs(before) {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
