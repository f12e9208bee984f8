// All documents of a collection as an array.
import { deepStrictEqual } from 'node:assert';
import { COLLECTION, seedId, smallDocument } from '../support/documents.mjs';
import { fill } from '../support/load.mjs';
import { repeat } from '../support/loops.mjs';

export const title =
  'all documents of a collection of 200-byte documents at once (getAll); kimdb sorts them by time as well';
export const lines = { scan: { title: 'documents', unit: 'documents/s' } };
export const needs = ['set', 'getAll', 'flush'];
export const sizes = {
  full: { count: 200_000, scans: 3 },
  quick: { count: 50_000, scans: 1 },
  smoke: { count: 3000, scans: 1 },
};

export const phases = () => [
  async ({ open, options }) => {
    const { count, scans } = options;
    const store = await open();
    await fill(store, count, seedId, smallDocument);
    let last;
    const { operations, milliseconds } = await repeat(scans, Number.POSITIVE_INFINITY, async () => {
      last = await store.getAll(COLLECTION, count);
    });
    deepStrictEqual(last.length, count);
    const balances = (documents) => documents.reduce((sum, { balance }) => sum + balance, 0);
    deepStrictEqual(balances(last), balances(Array.from({ length: count }, (_, i) => smallDocument(i))));
    return [{ line: 'scan', operations: operations * count, milliseconds }];
  },
];
