// The same few keys again and again, as counters and sessions are written.
import { expectDocument } from '../support/check.mjs';
import { COLLECTION, seedId, smallDocument } from '../support/documents.mjs';
import { measureSteps, repeat } from '../support/loops.mjs';

export const title = '1,000 keys rewritten with documents of 200 bytes, each write acknowledged';
export const lines = {
  one: { title: 'one at a time, each awaited', unit: 'writes/s', promise: 'acknowledged' },
  together: { title: '1,000 called, then all awaited', unit: 'writes/s', promise: 'acknowledged' },
};
export const needs = ['setOne', 'setTogether', 'flush'];
export const sizes = {
  full: { count: 400_000, limitMs: 1500 },
  quick: { count: 50_000, limitMs: 400 },
  smoke: { count: 3000, limitMs: 100 },
};

const KEYS = 1000;

export const phases = () => [
  async ({ open, options }) => {
    const { count, limitMs } = options;
    const store = await open();
    // Another document for the same key each time.
    const documentOf = (i) => smallDocument(i * 7 + Math.floor(i / KEYS));
    const { steps, ...one } = await measureSteps(count, limitMs, (i) =>
      store.setOne(COLLECTION, seedId(i % KEYS), documentOf(i)),
    );
    await store.flush();
    for (let i = Math.max(0, steps - KEYS); i < steps; i += 97) {
      await expectDocument(store, COLLECTION, seedId(i % KEYS), documentOf(i));
    }

    const entriesOf = (turn) =>
      Array.from({ length: KEYS }, (_, key) => [seedId(key), smallDocument(key * 3 + turn)]);
    const turns = await repeat(Math.ceil(count / KEYS), limitMs, (turn) =>
      store.setTogether(COLLECTION, entriesOf(turn)),
    );
    await store.flush();
    for (const [id, document] of entriesOf(turns.operations - 1)) {
      await expectDocument(store, COLLECTION, id, document);
    }
    const together = { ...turns, operations: turns.operations * KEYS };
    return [
      { line: 'one', ...one },
      { line: 'together', ...together },
    ];
  },
];
