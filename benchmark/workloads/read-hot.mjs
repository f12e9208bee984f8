// Reads of documents that fit into every cache there is.
import { expectDocuments } from '../support/check.mjs';
import { COLLECTION, seedId, smallDocument } from '../support/documents.mjs';
import { fill } from '../support/load.mjs';
import { measureSteps, reader } from '../support/loops.mjs';
import { uniform } from '../support/random.mjs';

export const title = 'random reads among 10,000 documents of 200 bytes that were read before, one at a time';
export const lines = { read: { title: 'reads', unit: 'reads/s' } };
export const needs = ['set', 'get', 'flush'];
export const sizes = {
  full: { count: 400_000, limitMs: 1500 },
  quick: { count: 50_000, limitMs: 400 },
  smoke: { count: 3000, limitMs: 100 },
};

const DOCUMENTS = 10_000;

export const phases = () => [
  async ({ open, options }) => {
    const store = await open();
    await fill(store, DOCUMENTS, seedId, smallDocument);
    const ids = Array.from(uniform(DOCUMENTS * 4, DOCUMENTS, 1), seedId);
    const read = reader(store, COLLECTION);
    for (let i = 0; i < DOCUMENTS; i++) await read(seedId(i));
    const figures = await measureSteps(options.count, options.limitMs, (i) => read(ids[i % ids.length]));
    await expectDocuments(store, COLLECTION, DOCUMENTS, seedId, smallDocument);
    return [{ line: 'read', ...figures }];
  },
];
