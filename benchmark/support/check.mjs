// A benchmark of a store that loses documents measures nothing: what was written is read back, outside of the clock.
import { deepStrictEqual } from 'node:assert';

const SAMPLES = 100;

export async function readDocument(store, collection, id) {
  return store.dataOf(await store.get(collection, id));
}

export async function expectDocument(store, collection, id, document) {
  deepStrictEqual(await readDocument(store, collection, id), document, `'${id}' is not what was written`);
}

/** Looks at documents all over the collection, the first and the last among them. */
export async function expectDocuments(store, collection, count, idOf, documentOf) {
  const samples = Math.min(count, SAMPLES);
  for (let sample = 0; sample < samples; sample++) {
    const i = samples === 1 ? 0 : Math.round((sample * (count - 1)) / (samples - 1));
    await expectDocument(store, collection, idOf(i), documentOf(i));
  }
}
