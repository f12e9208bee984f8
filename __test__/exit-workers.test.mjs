// Worker threads that end, or whose process ends, in the middle of a call.

import { Worker } from 'node:worker_threads';
import test from 'ava';
import { runProgram } from './helpers/child.mjs';
import { openSimple, pathsIn, patiently, sleep, useFolder } from './helpers/database.mjs';

const COUNT = 300;
const ROUNDS = 3;

for (const call of ['set', 'setSync', 'writeSync', 'getAll', 'flush', 'flushSync', 'close']) {
  for (const held of [true, false]) {
    test(`terminated during ${call}, ${held ? 'the main thread has it open' : 'nobody else has it open'}`, async (t) => {
      const options = {
        ...pathsIn(useFolder(t)),
        shardCount: 2,
        walSize: 2 ** 20,
        flushInterval: 2,
        logger: false,
      };
      const main = held ? openSimple(t, options) : undefined;
      let written = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const done = new SharedArrayBuffer(4);
        const counts = new Int32Array(done);
        const worker = new Worker(new URL('./programs/one-call.mjs', import.meta.url), {
          workerData: { options, call, done },
        });
        t.teardown(() => worker.terminate());
        let failure;
        worker.on('error', (error) => {
          failure = error;
        });
        await patiently(() => counts[0] > 3 || failure !== undefined);
        await sleep(round);
        await worker.terminate();
        t.is(failure, undefined, failure?.stack);
        written = Math.max(written, counts[0]);
        await main?.set('main', `${round}`, round);
      }
      const db = main ?? openSimple(t, options);
      const found = await db.getMany(
        'calls',
        Array.from({ length: written }, (_, i) => `${i}`),
      );
      t.deepEqual(
        found.map((document) => document?.data),
        Array.from({ length: written }, (_, i) => i),
      );
      t.is((await db.getAll('main')).length, held ? ROUNDS : 0);
    });
  }
}

for (const [ending, { code }] of Object.entries({
  'exit in the main thread': { code: 7 },
  'exit in the main thread, main has it open': { code: 7 },
  'exit in a worker': { code: 0 },
  'exit in a worker, main has it open': { code: 0 },
  terminated: { code: 0 },
  'terminated, main has it open': { code: 0 },
  'end of the main thread': { code: 0 },
  'end of the main thread, main has it open': { code: 0 },
  'close in the main thread, main has it open': { code: 0 },
})) {
  test(`${ending}, while workers write`, async (t) => {
    const options = { ...pathsIn(useFolder(t)), shardCount: 2, flushInterval: 2 };
    const result = await runProgram(t, 'workers-exit.mjs', { options, ending, count: COUNT });
    t.deepEqual({ code: result.code, signal: result.signal }, { code, signal: null }, result.stderr);
    t.deepEqual([result.lines, result.stderr], [[], '']);
    const db = openSimple(t, { ...options, logger: false });
    t.is(db.stats().recoveredWrites, 0, 'all was flushed on the way out');
    const ids = [0, 1, 2].flatMap((index) => Array.from({ length: COUNT }, (_, i) => `${index}-${i}`));
    const found = await db.getMany('writes', ids);
    t.deepEqual(
      found.map((document) => `${document?.id} ${document?.data}`),
      ids.map((id) => `${id} ${id.split('-')[1]}`),
    );
  });
}
