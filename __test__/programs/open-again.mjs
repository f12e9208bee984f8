// A worker of workers-opening.test.mjs that opens a database again and again until it is terminated. Counts in shared memory.

import { workerData } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';

const { options, worker, opened } = workerData;
// Kept, so that no garbage collection ends an instance before the worker's end does.
const instances = [];
for (;;) {
  instances.push(new SimpleDB(options));
  Atomics.add(opened, worker, 1);
}
