// The documents that were updated last, as a feed or a dashboard shows them, while others are written.
import { deepStrictEqual } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import { COLLECTION, seedId, smallDocument } from '../support/documents.mjs';
import { fill } from '../support/load.mjs';
import { measureSteps, writeEach } from '../support/loops.mjs';
import { uniform } from '../support/random.mjs';

export const title =
  'the 100 of many documents of 200 bytes that were updated last (getAll), each time behind 10 that were just written, here and there';
export const lines = { latest: { title: '10 writes and a list', unit: 'lists/s' } };
export const needs = ['set', 'latest', 'acknowledge', 'flush'];
export const sizes = {
  full: { count: 200_000, lists: 1000, limitMs: 2000 },
  quick: { count: 50_000, lists: 100, limitMs: 500 },
  smoke: { count: 3000, lists: 5, limitMs: 100 },
};

const LIMIT = 100;
const WRITES = 10;
const A_SECOND_LATER_MS = 1100;

export const phases = () => [
  async ({ open, options }) => {
    const { count, lists, limitMs } = options;
    const store = await open({ timed: true });
    await fill(store, count, seedId, smallDocument);
    const numbers = [...uniform(2 * WRITES * lists, count, 1)];
    const writeAndList = async (i, written = numbers.slice(i * WRITES, (i + 1) * WRITES)) => {
      await writeEach(
        store,
        COLLECTION,
        WRITES,
        (k) => seedId(written[k]),
        (k) => smallDocument(i + k),
      );
      await store.acknowledge();
      return store.latest(COLLECTION, LIMIT);
    };
    const { steps, ...figures } = await measureSteps(lists, limitMs, (i) => writeAndList(i));
    // Of one second a store may list any.
    await sleep(A_SECOND_LATER_MS);
    const others = Array.from({ length: WRITES }, (_, k) => k);
    const listed = (await writeAndList(steps, others)).map((document) => document.name);
    deepStrictEqual(listed.length, LIMIT);
    const written = Array.from({ length: WRITES }, (_, k) => smallDocument(steps + k).name);
    deepStrictEqual(listed.slice(0, WRITES).sort(), written.sort(), 'what was just written is not listed');
    return [{ line: 'latest', ...figures }];
  },
];
