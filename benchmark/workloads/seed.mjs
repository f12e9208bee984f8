// The bulk example of the API document: `count` calls of set, one after the other, then everything
// durable. The clock runs from the first call until the end of the flush.
import { deepStrictEqual } from 'node:assert';

export const title = 'set one document after the other, then flush';

/** @returns {Promise<{ operations: number, milliseconds: number }>} */
export async function run(store, { count }) {
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    await store.set('bench', `id_${i}`, { value: i });
  }
  await store.finish();
  const milliseconds = performance.now() - start;

  for (const i of [0, Math.floor(count / 2), count - 1]) {
    deepStrictEqual(await store.get('bench', `id_${i}`), { value: i });
  }
  return { operations: count, milliseconds };
}
