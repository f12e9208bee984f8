// The documents of seed in batches.
import { seedDocument, seedId } from '../support/documents.mjs';
import { LOAD_LINES, measureLoad } from '../support/load.mjs';

export const title = 'the documents of seed in batches of 1,000 (setMany), then a flush';
export const lines = LOAD_LINES;
export const needs = ['setMany', 'acknowledge', 'flush'];
export const sizes = { full: { count: 1_000_000 }, quick: { count: 100_000 }, smoke: { count: 6000 } };

const BATCH = 1000;

export const phases = () => [
  async ({ open, options }) =>
    measureLoad(await open(), { ...options, idOf: seedId, documentOf: seedDocument, write: writeBatches }),
];

async function writeBatches(store, collection, count, idOf, documentOf) {
  for (let from = 0; from < count; from += BATCH) {
    const entries = [];
    for (let i = from; i < Math.min(from + BATCH, count); i++) entries.push([idOf(i), documentOf(i)]);
    const pending = store.setMany(collection, entries);
    if (pending) await pending;
  }
}
