// Writes that a power cut does not lose: one after the other, by many callers at the same time, which can share a sync, and
// by one caller that waits for all; and then one after the other again.
import { expectDocuments } from '../support/check.mjs';
import { COLLECTION, seedId, smallDocument } from '../support/documents.mjs';
import { repeat, repeatTimed } from '../support/loops.mjs';

export const title = 'documents of 200 bytes that are on the disk when the call is done (setSync, sync)';
export const lines = {
  one: { title: 'one at a time', unit: 'writes/s', promise: 'synced' },
  together: { title: '50,000 at once, each awaited', unit: 'writes/s', promise: 'synced' },
  batch: { title: '50,000, then one sync', unit: 'writes/s', promise: 'synced' },
  later: { title: 'one at a time, behind all of these', unit: 'writes/s', promise: 'synced' },
};
export const needs = ['setSync', 'setAllThenSync'];
export const settings = { durable: true };
export const sizes = {
  full: { count: 5000, together: 50_000, bursts: 5, limitMs: 1500 },
  quick: { count: 1000, together: 50_000, bursts: 1, limitMs: 400 },
  smoke: { count: 30, together: 2000, bursts: 1, limitMs: 100 },
};

export const phases = () => [
  async ({ open, options }) => {
    const { count, together, bursts, limitMs } = options;
    const store = await open({ durable: true });
    let version = 0;
    const oneByOne = async () => {
      const documentOf = (i) => smallDocument(i + version);
      const one = await repeatTimed(count, limitMs, (i) =>
        store.setSync(COLLECTION, seedId(i), documentOf(i)),
      );
      await expectDocuments(store, COLLECTION, one.operations, seedId, documentOf);
      return one;
    };

    const figures = [{ line: 'one', ...(await oneByOne()) }];
    for (const [line, write] of [
      ['together', store.setAllSync],
      ['batch', store.setAllThenSync],
    ]) {
      if (write === undefined) continue;
      version += 1;
      const documentOf = (i) => smallDocument(i + version);
      const entries = Array.from({ length: together }, (_, i) => [seedId(i), documentOf(i)]);
      const all = await repeat(bursts, limitMs * bursts, () => write(COLLECTION, entries));
      await expectDocuments(store, COLLECTION, together, seedId, documentOf);
      figures.push({ line, ...all, operations: all.operations * together });
    }
    // What a store keeps in front of its files is in another state now than when they were new.
    version += 1;
    figures.push({ line: 'later', ...(await oneByOne()) });
    return figures;
  },
];
