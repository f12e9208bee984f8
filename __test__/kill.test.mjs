// kill -9 under load: nothing that was acknowledged is lost, nothing is applied twice.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SimpleDB } from 'kimdb/hyperscale';
import { startProgram } from './helpers/child.mjs';
import { pathsIn, sleep, useFolder } from './helpers/database.mjs';
import { Model, operation, readAll } from './helpers/operations.mjs';

const ROUNDS = 5;

const settings = {
  'a log that is full again and again': { walSize: 2 ** 20, flushInterval: 5, bufferSize: 200 },
  'default options': {},
  'rare flushes': { flushInterval: 2 ** 31 - 1, bufferSize: 2 ** 31 - 1 },
};

for (const [name, setting] of Object.entries(settings)) {
  test.serial(`${ROUNDS} rounds of kill -9 with ${name}`, async (t) => {
    t.timeout(180_000);
    const folder = useFolder(t);
    const options = { ...pathsIn(folder), shardCount: 4, ...setting };
    const model = new Model();
    let next = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      const acknowledged = await killUnderLoad(t, { options, first: next, report: join(folder, 'report') });
      t.true(acknowledged >= next, `round ${round} did something`);
      for (; next <= acknowledged; next++) model.apply(operation(next));
      next += await verify(t, options, model, next, round);
    }
  });
}

/** The number of the last operation that the killed program reported. */
async function killUnderLoad(t, args, name = 'load.mjs') {
  const program = startProgram(t, name, args);
  t.is(await program.nextLine(), 'open');
  // The first report is in the file, so that there is something to check.
  while (statSync(args.report).size === 0) await sleep(1);
  await sleep(200 + Math.random() * 600);
  program.kill();
  const { signal, stderr } = await program.ended;
  t.is(signal, 'SIGKILL', stderr);
  return readFileSync(args.report).readDoubleLE(0);
}

/**
 * What is there equals the model; or the model and operation `next`, which may have been done and not
 * reported. Returns how many operations the model took up.
 */
async function verify(t, options, model, next, round) {
  const db = new SimpleDB({ ...options, logger: false });
  try {
    const found = await readAll(db, 'load');
    const without = model.differences(found);
    if (without.length === 0) {
      await checkReads(t, db, found);
      return 0;
    }
    model.apply(operation(next));
    t.deepEqual(
      model.differences(found),
      [],
      `round ${round}, ${next} operations; without the last: ${without}`,
    );
    await checkReads(t, db, found);
    return 1;
  } finally {
    db.close();
  }
}

/** get() says the same as getAll(), also of what is not there. */
async function checkReads(t, db, found) {
  for (let i = 0; i < 300; i++) {
    const document = await db.get('load', `k${i}`);
    const read = document === null ? undefined : { index: document.data.index, _version: document._version };
    t.deepEqual(read, found.get(`k${i}`));
  }
}

const batches = { 'in the log': 300, 'larger than the log': 3000 };

for (const [name, size] of Object.entries(batches)) {
  test.serial(
    `${ROUNDS} rounds of kill -9 under batches ${name}: each is there as a whole or not at all`,
    async (t) => {
      t.timeout(180_000);
      const folder = useFolder(t);
      const options = { ...pathsIn(folder), shardCount: 4, walSize: 2 ** 20, flushInterval: 5 };
      const report = join(folder, 'report');
      let last = 0;
      for (let round = 1; round <= ROUNDS; round++) {
        const acknowledged = await killUnderLoad(
          t,
          { options, first: last + 1, report, size },
          'batches.mjs',
        );
        const db = new SimpleDB({ ...options, logger: false });
        const all = await db.getAll('batches', Number.POSITIVE_INFINITY);
        db.close();
        const numbers = new Set(all.map(({ data, _version }) => `${data.number}, version ${_version}`));
        t.is(numbers.size, 1, `round ${round}: batches ${[...numbers].join('; ')} at the same time`);
        t.is(all.length, size);
        last = all[0].data.number;
        t.is(all[0]._version, last);
        t.true(
          last === acknowledged || last === acknowledged + 1,
          `${acknowledged} acknowledged, ${last} found`,
        );
      }
    },
  );
}
