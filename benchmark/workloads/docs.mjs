// Like seed, with documents of a usual size.
import { seedId, smallDocument } from '../support/documents.mjs';
import { LOAD_LINES, LOAD_NEEDS, measureLoad } from '../support/load.mjs';

export const title = 'documents of 200 bytes, one after the other, then a flush';
export const lines = LOAD_LINES;
export const needs = LOAD_NEEDS;
export const sizes = { full: { count: 400_000 }, quick: { count: 50_000 }, smoke: { count: 6000 } };

export const phases = () => [
  async ({ open, options }) =>
    measureLoad(await open(), { ...options, idOf: seedId, documentOf: smallDocument }),
];
