// One writer of power-cut.mjs: its main thread calls write(), each worker runs this file.

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { isMainThread, workerData } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';
import { operation, perform, WRITERS } from '../helpers/operations.mjs';
import { mix, randomFrom } from '../helpers/random.mjs';

/** Writes until it is over; `onDurable` is called once. Resolves when everything was acknowledged. */
export async function write(db, { seed, run, writer, report, isOver, onDurable }) {
  const { ahead } = WRITERS[writer];
  const random = randomFrom(mix(seed, run, writer));
  const notes = openReport(report, writer, onDurable);
  const onTheirWay = [];
  let mark;
  for (let index = 0; !isOver(); index++) {
    const next = operation({ seed, run, writer, index });
    const done = perform(db, next).then(() => {
      notes.acknowledge(index + 1);
      if (next.type === 'setSync') notes.isDurable(index + 1);
    });
    onTheirWay.push(done);
    if (random(60) === 0) onTheirWay.push(db.flush().then(() => notes.isDurable(index + 1)));
    while (onTheirWay.length >= ahead) await onTheirWay.shift();
    mark = noteTimedSyncs(db, notes, mark);
    // Events and completions come in turns of the event loop.
    if (index % 50 === 0) await setImmediate();
  }
  await Promise.all(onTheirWay);
  notes.close();
}

/** The sync that runs now may have begun before the last write; the one after it covers that write. */
function noteTimedSyncs(db, notes, mark) {
  const count = notes.acknowledged;
  const { syncs } = db.stats();
  if (mark !== undefined && syncs < mark.syncs + 2) return mark;
  if (mark !== undefined) notes.isDurable(mark.count);
  return { count, syncs };
}

/**
 * The writer's place in the report: how many of its operations were acknowledged, and how many of them a power cut
 * must leave. Writes take effect in the order of the calls, so that two numbers say it. The report is a file of the
 * host, which keeps its power.
 */
export function openReport(path, writer, onDurable = () => {}) {
  const file = openSync(path, 'r+');
  const bytes = Buffer.alloc(16);
  readSync(file, bytes, 0, 16, writer * 16);
  const raise = (at, count) => {
    if (count <= bytes.readDoubleLE(at)) return;
    bytes.writeDoubleLE(count, at);
    writeSync(file, bytes, at, 8, writer * 16 + at);
  };
  return {
    get acknowledged() {
      return bytes.readDoubleLE(0);
    },
    acknowledge: (count) => raise(0, count),
    isDurable(count) {
      const isFirst = bytes.readDoubleLE(8) === 0;
      raise(8, count);
      if (isFirst) onDurable();
    },
    allIsDurable: () => raise(8, bytes.readDoubleLE(0)),
    close: () => closeSync(file),
  };
}

if (!isMainThread) {
  const { stop, ...orders } = workerData;
  const db = new SimpleDB(orders.options);
  await write(db, { ...orders, isOver: () => Atomics.load(stop, 0) === 1 });
  db.close();
}
