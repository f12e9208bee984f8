// The limit of JavaScript: the same loops around an async function that makes the JSON text, or reads it, and does
// nothing with it.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { seedDocument, seedId, smallDocument } from '../support/documents.mjs';
import { watchLoop } from '../support/event-loop.mjs';
import { measureSteps, writeEach } from '../support/loops.mjs';
import { uuids } from '../support/random.mjs';
import { openThreads } from '../support/threads.mjs';
import { THREADS } from '../workloads/workers.mjs';

export const title = 'limit: JavaScript';
export const version = process.versions.node;
export const settings =
  'a loop that awaits an async function, with JSON.stringify or JSON.parse; nothing is stored';

let last;
const text = JSON.stringify(smallDocument(0));
const idle = {
  set: async (_collection, id, data) => (last = `${id}${JSON.stringify(data)}`),
  get: async () => JSON.parse(text),
  acknowledge() {},
  close() {},
};

/** For worker threads, which open what they use. */
export const open = () => idle;

async function write(count, idOf, documentOf) {
  const start = performance.now();
  await writeEach(idle, 'bench', count, idOf, documentOf);
  if (!last) throw new Error('nothing was written');
  return [{ line: 'acknowledged', operations: count, milliseconds: performance.now() - start }];
}

export const measures = {
  seed: ({ count }) => write(count, seedId, seedDocument),
  docs: ({ count }) => write(count, seedId, smallDocument),
  uuid({ count }) {
    const ids = uuids(count, 1);
    return write(count, (i) => ids[i], smallDocument);
  },
  async hot({ count, limitMs }) {
    const figures = await measureSteps(count, limitMs, (i) =>
      idle.set('bench', seedId(i % 1000), smallDocument(i)),
    );
    return [{ line: 'one', ...figures }];
  },
  async 'read-hot'({ count, limitMs }) {
    const texts = Array.from({ length: 1000 }, (_, i) => JSON.stringify(smallDocument(i)));
    const get = async (i) => JSON.parse(texts[i % texts.length]);
    return [{ line: 'read', ...(await measureSteps(count, limitMs, get)) }];
  },
  async workers({ count }, folder) {
    const figures = [];
    for (const threads of THREADS) {
      const pool = await openThreads(threads, { driver: 'bare-loop', folder, each: count / threads });
      for (const [job, line] of [
        ['write', 'acknowledged'],
        ['read', 'read'],
      ]) {
        const start = performance.now();
        await pool.run(job);
        const milliseconds = performance.now() - start;
        figures.push({ line: `${line}-${threads}`, operations: count, milliseconds });
      }
      await pool.end();
    }
    return figures;
  },
  async lag({ seconds }) {
    const finish = await watchLoop();
    await sleep(seconds * 1000);
    return finish();
  },
};
