// A process is killed while nothing of what it wrote is flushed. How fast does the next one have it back?
import { expectDocuments } from '../support/check.mjs';
import { COLLECTION, seedDocument, seedId } from '../support/documents.mjs';
import { writeEach } from '../support/loops.mjs';

export const title = 'opening after a kill, with all documents of seed in the log and none in the shards';
export const lines = {
  opened: { title: 'until open', unit: 'records/s' },
  flushed: { title: 'until open and flushed', unit: 'records/s' },
};
export const needs = ['recovered'];
// Half of kimdb's log, 64 MiB, holds 760,000 of them; with more it would begin to flush.
export const sizes = { full: { count: 700_000 }, quick: { count: 100_000 }, smoke: { count: 3000 } };

async function write({ open, options }) {
  const store = await open({ unflushed: true });
  await writeEach(store, COLLECTION, options.count, seedId, seedDocument);
  return [];
}
/** This process does not end by itself. */
write.ends = 'killed';

async function recover({ open, options }) {
  const { count } = options;
  const start = performance.now();
  const store = await open({ unflushed: true });
  const opened = performance.now() - start;
  await store.flush();
  const flushed = performance.now() - start;
  const recovered = store.recovered();
  if (recovered !== count) throw new Error(`${recovered} of ${count} records were recovered`);
  await expectDocuments(store, COLLECTION, count, seedId, seedDocument);
  return [
    { line: 'opened', operations: count, milliseconds: opened },
    { line: 'flushed', operations: count, milliseconds: flushed },
  ];
}

export const phases = () => [write, recover];
