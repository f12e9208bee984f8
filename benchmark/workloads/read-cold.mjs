// Reads after a restart, among more documents than a cache holds: nearly every one goes to the files. The system's
// page cache is warm, because emptying it takes an administrator.
import { deepStrictEqual } from 'node:assert';
import { expectDocuments } from '../support/check.mjs';
import { COLLECTION, seedId, smallDocument } from '../support/documents.mjs';
import { fill } from '../support/load.mjs';
import { measureSteps, reader, repeat } from '../support/loops.mjs';
import { uniform } from '../support/random.mjs';

export const title =
  'random reads of documents of 200 bytes after a restart, more of them than the cache of documents holds';
export const lines = {
  read: { title: 'reads', unit: 'reads/s' },
  lists: { title: 'reads of lists of 1,000 (getMany)', unit: 'reads/s' },
};
export const needs = ['set', 'get', 'getMany', 'flush'];
export const sizes = {
  full: { count: 400_000, reads: 100_000, limitMs: 2000 },
  quick: { count: 50_000, reads: 20_000, limitMs: 500 },
  smoke: { count: 3000, reads: 1000, limitMs: 100 },
};

const LIST = 1000;

export const phases = () => [
  async ({ open, options }) => {
    await fill(await open(), options.count, seedId, smallDocument);
    return [];
  },
  async ({ open, options }) => {
    const { count, reads, limitMs } = options;
    const store = await open();
    const ids = Array.from(uniform(reads * 2, count, 1), seedId);
    const read = reader(store, COLLECTION);
    const figures = await measureSteps(reads, limitMs, (i) => read(ids[i]));
    await expectDocuments(store, COLLECTION, count, seedId, smallDocument);
    return [{ line: 'read', ...figures }];
  },
  async ({ open, options }) => {
    const { count, reads, limitMs } = options;
    const store = await open();
    const numbers = Array.from(uniform(reads, count, 2));
    const ids = numbers.map(seedId);
    let last;
    const { operations, milliseconds } = await repeat(reads / LIST, limitMs, async (i) => {
      last = await store.getMany(COLLECTION, ids.slice(i * LIST, (i + 1) * LIST));
    });
    deepStrictEqual(last, numbers.slice((operations - 1) * LIST, operations * LIST).map(smallDocument));
    return [{ line: 'lists', operations: operations * LIST, milliseconds }];
  },
];
