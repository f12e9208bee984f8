// How late the event loop is: a timer of one millisecond notes when it really comes.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** Starts watching. The function that it gives stops, and returns the figures in milliseconds. */
export async function watchLoop() {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  // What the process does while it starts is not counted.
  await sleep(300);
  delays.enable();
  return () => {
    delays.disable();
    const value = (nanoseconds) => nanoseconds / 1e6;
    return [
      { line: 'p50', value: value(delays.percentile(50)) },
      { line: 'p99', value: value(delays.percentile(99)) },
      { line: 'max', value: value(delays.max) },
    ];
  };
}
