// One writer of torture.mjs: its main thread calls write(), each worker runs this file.

import { closeSync, openSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { isMainThread, workerData } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';
import { operation, perform, WRITERS } from '../helpers/operations.mjs';

/** Writes until it is over. Resolves when everything was acknowledged. */
export async function write(db, { seed, run, writer, report, isOver }) {
  const { ahead } = WRITERS[writer];
  const acknowledge = acknowledgements(report, writer);
  const onTheirWay = [];
  for (let index = 0; !isOver(); index++) {
    const done = perform(db, operation({ seed, run, writer, index }));
    onTheirWay.push(done.then(() => acknowledge(index)));
    while (onTheirWay.length >= ahead) await onTheirWay.shift();
    // Events and completions come in turns of the event loop.
    if (index % 50 === 0) await setImmediate();
  }
  await Promise.all(onTheirWay);
  acknowledge.close();
}

/**
 * Keeps the number of acknowledged operations in the writer's place of the report, because what a killed process
 * wrote to a file is there. Writes take effect in the order of the calls, so one number says it.
 */
function acknowledgements(report, writer) {
  const file = openSync(report, 'r+');
  const bytes = Buffer.alloc(8);
  let count = 0;
  const acknowledge = (index) => {
    if (index < count) return;
    count = index + 1;
    bytes.writeDoubleLE(count);
    writeSync(file, bytes, 0, 8, writer * 8);
  };
  acknowledge.close = () => closeSync(file);
  return acknowledge;
}

if (!isMainThread) {
  const { stop, ...orders } = workerData;
  const db = new SimpleDB(orders.options);
  await write(db, { ...orders, isOver: () => Atomics.load(stop, 0) === 1 });
  db.close();
}
