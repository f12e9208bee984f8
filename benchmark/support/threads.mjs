// Worker threads that each open the same store, and do the same job at the same time.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const program = new URL('thread.mjs', import.meta.url);

/** The id of document `i` of the worker `number` of `threads`. */
export const idIn = (threads, number, i) => `${threads}-${number}-${i}`;

/** Starts so many, and waits until each has opened the store and is warm. `each` is how many documents one writes. */
export async function openThreads(threads, { driver, folder, each }) {
  const workers = Array.from(
    { length: threads },
    (_, number) => new Worker(program, { workerData: { threads, number, driver, folder, each } }),
  );
  // An error of a worker ends the wait for its message.
  const answers = () => Promise.all(workers.map((worker) => once(worker, 'message')));
  await answers();
  return {
    idOf: (number, i) => idIn(threads, number, i),
    /** Runs a job in all of them, to the last one's end. */
    run(job) {
      const done = answers();
      for (const worker of workers) worker.postMessage(job);
      return done;
    },
    async end() {
      const ends = workers.map((worker) => once(worker, 'exit'));
      for (const worker of workers) worker.postMessage('close');
      await Promise.all(ends);
    },
  };
}
