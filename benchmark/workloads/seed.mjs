// The bulk example of the API document: calls of set, one after the other, then a flush.
import { seedDocument, seedId } from '../support/documents.mjs';
import { LOAD_LINES, LOAD_NEEDS, measureLoad } from '../support/load.mjs';

export const title = 'the bulk example of the API document: one small document after the other, then a flush';
export const lines = LOAD_LINES;
export const needs = LOAD_NEEDS;
export const sizes = { full: { count: 1_000_000 }, quick: { count: 100_000 }, smoke: { count: 6000 } };

export const phases = () => [
  async ({ open, options }) =>
    measureLoad(await open(), { ...options, idOf: seedId, documentOf: seedDocument }),
];
