// Reads after a restart, among more documents than a cache holds: nearly every one goes to the files. The system's
// page cache is warm, because emptying it takes an administrator.
import { expectDocuments } from '../support/check.mjs';
import { COLLECTION, seedId, smallDocument } from '../support/documents.mjs';
import { fill } from '../support/load.mjs';
import { measureSteps, reader } from '../support/loops.mjs';
import { uniform } from '../support/random.mjs';

export const title =
  'random reads of documents of 200 bytes after a restart, more of them than the cache of documents holds';
export const lines = { read: { title: 'reads', unit: 'reads/s' } };
export const needs = ['set', 'get', 'flush'];
export const sizes = {
  full: { count: 400_000, reads: 100_000, limitMs: 2000 },
  quick: { count: 50_000, reads: 20_000, limitMs: 500 },
  smoke: { count: 3000, reads: 1000, limitMs: 100 },
};

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
];
