// Does the database leave the event loop to others? 10,000 writes arrive every 100 ms, and in between a timer looks how
// late it comes.
import { setTimeout as sleep } from 'node:timers/promises';
import { expectDocuments } from '../support/check.mjs';
import { COLLECTION, seedId, smallDocument } from '../support/documents.mjs';
import { watchLoop } from '../support/event-loop.mjs';
import { writeEach } from '../support/loops.mjs';

export const title = 'delay of the event loop while 10,000 documents of 200 bytes are written every 100 ms';
export const lines = {
  p50: { title: 'loop delay, median', unit: 'ms' },
  p99: { title: 'loop delay, p99', unit: 'ms', promise: 'acknowledged' },
  max: { title: 'loop delay, longest', unit: 'ms' },
  done: { title: 'done, of 100,000', unit: 'writes/s' },
};
export const needs = ['set', 'acknowledge'];
export const sizes = {
  full: { burst: 10_000, seconds: 4 },
  quick: { burst: 10_000, seconds: 1 },
  smoke: { burst: 500, seconds: 0.3 },
};

const EVERY_MS = 100;

export const phases = () => [
  async ({ open, options }) => {
    const { burst, seconds } = options;
    const store = await open();
    const finish = await watchLoop();
    const start = performance.now();
    let bursts = 0;
    // A burst that comes while the one before is still being written waits for it.
    while (performance.now() - start < seconds * 1000) {
      await sleep(bursts * EVERY_MS - (performance.now() - start));
      const from = bursts * burst;
      await writeEach(store, COLLECTION, burst, (i) => seedId(from + i), smallDocument);
      await store.acknowledge();
      bursts += 1;
    }
    const milliseconds = Math.max(performance.now() - start, bursts * EVERY_MS);
    const delays = finish();
    await expectDocuments(store, COLLECTION, burst, (i) => seedId((bursts - 1) * burst + i), smallDocument);
    return [...delays, { line: 'done', operations: bursts * burst, milliseconds }];
  },
];
