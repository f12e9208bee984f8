// Writes documents and stops the clock twice: when all are acknowledged, and when all are on the disk.
import { expectDocuments } from './check.mjs';
import { COLLECTION } from './documents.mjs';
import { writeEach } from './loops.mjs';

export const LOAD_LINES = {
  acknowledged: { title: 'acknowledged', unit: 'writes/s', promise: 'acknowledged' },
  flushed: { title: 'until flushed', unit: 'writes/s', promise: 'flushed' },
};
export const LOAD_NEEDS = ['set', 'acknowledge', 'flush'];

/** `write` gives the documents to the store; left out, one after the other. */
export async function measureLoad(store, { count, idOf, documentOf, write = writeEach }) {
  const start = performance.now();
  await write(store, COLLECTION, count, idOf, documentOf);
  await store.acknowledge();
  const acknowledged = performance.now() - start;
  await store.flush();
  const flushed = performance.now() - start;

  await expectDocuments(store, COLLECTION, count, idOf, documentOf);
  return [
    { line: 'acknowledged', operations: count, milliseconds: acknowledged },
    { line: 'flushed', operations: count, milliseconds: flushed },
  ];
}

/** Puts documents there that a workload reads, without measuring. */
export async function fill(store, count, idOf, documentOf) {
  await writeEach(store, COLLECTION, count, idOf, documentOf);
  await store.acknowledge();
  await store.flush();
}
