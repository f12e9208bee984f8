// Random ids: each write goes to another place of a sorted store.
import { smallDocument } from '../support/documents.mjs';
import { LOAD_LINES, LOAD_NEEDS, measureLoad } from '../support/load.mjs';
import { uuids } from '../support/random.mjs';

export const title = 'documents of 200 bytes under random UUIDs, one after the other, then a flush';
export const lines = LOAD_LINES;
export const needs = LOAD_NEEDS;
export const sizes = { full: { count: 400_000 }, quick: { count: 50_000 }, smoke: { count: 6000 } };

export const phases = () => [
  async ({ open, options }) => {
    const ids = uuids(options.count, 1);
    return measureLoad(await open(), { ...options, idOf: (i) => ids[i], documentOf: smallDocument });
  },
];
