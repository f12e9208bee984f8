// Four of the YCSB workloads: reads and writes of popular and less popular records of 1 kB.
import { deepStrictEqual } from 'node:assert';
import { readDocument } from '../support/check.mjs';
import { COLLECTION, seedId, wideDocument } from '../support/documents.mjs';
import { fill } from '../support/load.mjs';
import { measureSteps, reader } from '../support/loops.mjs';
import { uniform, zipf } from '../support/random.mjs';

export const title =
  'YCSB on records of 1 kB with Zipf keys: A half updates, B 5 % updates, C only reads, F half read-change-write';
export const lines = {
  A: { title: 'A: half updates', unit: 'operations/s', promise: 'acknowledged' },
  B: { title: 'B: 5 % updates', unit: 'operations/s', promise: 'acknowledged' },
  C: { title: 'C: reads', unit: 'operations/s' },
  F: { title: 'F: half read-change-write', unit: 'operations/s', promise: 'acknowledged' },
};
export const needs = ['set', 'get', 'update', 'acknowledge', 'flush'];
export const sizes = {
  full: { count: 50_000, operations: 100_000, limitMs: 1000 },
  quick: { count: 10_000, operations: 20_000, limitMs: 300 },
  smoke: { count: 1000, operations: 1000, limitMs: 100 },
};

/** Percent of the operations that write. */
const WRITES = { A: 50, B: 5, C: 0, F: 50 };

export const phases = () => [
  async ({ open, options }) => {
    const store = await open();
    await fill(store, options.count, seedId, wideDocument);
    const figures = [];
    for (const line of ['A', 'B', 'C', 'F']) {
      figures.push({ line, ...(await measureLetter(store, line, options)) });
    }
    return figures;
  },
];

async function measureLetter(store, line, { count, operations, limitMs }) {
  const ids = Array.from(zipf(operations * 2, count, 3), seedId);
  const percents = uniform(operations * 2, 100, 5);
  const read = reader(store, COLLECTION);
  const before = line === 'F' ? await sumCounters(store, count) : 0;
  let changes = 0;
  const change = (document) => ({ ...document, counter: document.counter + 1 });
  const document = wideDocument(1);
  const set = store.setVisible ?? store.set;
  const write =
    line === 'F'
      ? (id) => {
          changes += 1;
          return store.update(COLLECTION, id, change);
        }
      : (id) => set(COLLECTION, id, document);

  const step = (i) => (percents[i] < WRITES[line] ? write(ids[i]) : read(ids[i]));
  const figures = await measureSteps(operations, limitMs, step, store.acknowledge);
  await store.acknowledge();
  await store.flush();
  if (line === 'F') {
    deepStrictEqual((await sumCounters(store, count)) - before, changes, 'a change was lost');
  }
  return figures;
}

async function sumCounters(store, count) {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += (await readDocument(store, COLLECTION, seedId(i))).counter;
  return sum;
}
