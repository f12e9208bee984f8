// Requests at a fixed rate, whether the answers come or not. When one is due is settled beforehand, so that a server
// that stands still cannot put off the requests that would have noticed.
import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `send(i, due)` for each of `count` requests, no sooner than it is due and at most a turn of the timer later. */
export async function pace(count, rate, send) {
  const start = performance.now();
  const dueOf = (i) => start + (i / rate) * 1000;
  for (let i = 0; i < count; ) {
    const now = performance.now();
    while (i < count && dueOf(i) <= now) {
      send(i, dueOf(i));
      i += 1;
    }
    if (i < count) await sleep(1);
  }
}
