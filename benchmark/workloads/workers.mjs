// Worker threads of one process that write to one database, and then read from it, all at once: does more of them do more?

import { expectDocuments } from '../support/check.mjs';
import { COLLECTION, smallDocument } from '../support/documents.mjs';
import { openThreads } from '../support/threads.mjs';

export const title = 'documents of 200 bytes by 1 to 8 worker threads at once, all on one database';

const THREADS = [1, 2, 4, 8];
const GROUPS = {
  acknowledged: 'acknowledged, writes/s',
  flushed: 'until flushed, writes/s',
  read: 'reads/s',
};
export const lines = Object.fromEntries(
  Object.entries(GROUPS).flatMap(([name, group]) =>
    THREADS.map((threads) => [
      `${name}-${threads}`,
      {
        title: threads === 1 ? '1 worker' : `${threads} workers`,
        unit: `${group.split(', ').at(-1)}`,
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

export const phases = () => [
  async ({ open, options: { count }, driver, folder }) => {
    const store = await open();
    const figures = [];
    for (const threads of THREADS) {
      const pool = await openThreads(threads, { driver, folder, each: count / threads });
      const timed = async (line, job, finish) => {
        const start = performance.now();
        await pool.run(job);
        const milliseconds = performance.now() - start;
        figures.push({ line: `${line}-${threads}`, operations: count, milliseconds });
        if (finish) {
          await store.flush();
          figures.push({
            line: `flushed-${threads}`,
            operations: count,
            milliseconds: performance.now() - start,
          });
        }
      };
      await timed('acknowledged', 'write', true);
      for (let number = 0; number < threads; number++) {
        await expectDocuments(store, COLLECTION, count / threads, (i) => pool.idOf(number, i), smallDocument);
      }
      await timed('read', 'read');
      await pool.end();
    }
    return figures;
  },
];
