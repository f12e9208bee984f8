// Processes that end with everything under way: they end as they would without kimdb, say nothing, and lose nothing.

import test from 'ava';
import { runProgram } from './helpers/child.mjs';
import { openSimple, pathsIn, useFolder } from './helpers/database.mjs';

const COUNT = 300;
const HANDLED = { code: 7 };
const FAILED = { code: 1, says: /Error: on purpose/ };

/** How each ends; `closes`: nothing is left to recover then; `last`: it writes that too. */
const endings = {
  'normal end': { code: 0, closes: true },
  'normal end after close': { code: 0, closes: true },
  'process.exit in the same tick': { ...HANDLED, closes: true },
  'process.exit in a later turn': { ...HANDLED, closes: true },
  'process.exit in a flush listener': { ...HANDLED, closes: true },
  'process.exit when setSync is done': { ...HANDLED, closes: true, last: ['a'] },
  'process.exit while toJSON runs': { ...HANDLED, closes: true },
  'process.exit in a beforeExit listener': { ...HANDLED, closes: true },
  'writes and flushSync in an exit listener': { ...HANDLED, closes: true, last: ['a', 'b'] },
  'uncaught exception': { ...FAILED, closes: true },
  'exception in a flush listener': { ...FAILED, closes: true },
  'unhandled rejection': { ...FAILED, closes: true },
  'uncaught exception that is handled': { ...HANDLED, closes: true },
  'uncaught exception in the worker': { ...FAILED, closes: true },
  'SIGTERM with a handler that closes': { ...HANDLED, closes: true },
  'SIGINT with a handler that ends the process': { ...HANDLED, closes: true },
  'SIGTERM with a handler that lets it go on': { code: 0, closes: true },
  SIGTERM: { signal: 'SIGTERM' },
  SIGINT: { signal: 'SIGINT' },
  SIGHUP: { signal: 'SIGHUP' },
  SIGUSR2: { signal: 'SIGUSR2' },
  SIGKILL: { signal: 'SIGKILL' },
  'process.abort': { signal: 'SIGABRT', says: /./ },
};

for (const [ending, { code = null, signal = null, says = /^$/, closes = false, last = [] }] of Object.entries(
  endings,
)) {
  test(ending, async (t) => {
    const folder = useFolder(t);
    const options = ['a', 'b'].map((name) => ({ ...pathsIn(folder, name), shardCount: 2, flushInterval: 2 }));
    const result = await runProgram(t, 'busy-exit.mjs', { options, ending, count: COUNT });
    t.deepEqual({ code: result.code, signal: result.signal }, { code, signal }, result.stderr);
    t.deepEqual(result.lines, ['written']);
    t.regex(result.stderr, says);
    for (const [index, name] of ['a', 'b'].entries()) {
      const db = openSimple(t, { ...options[index], logger: false });
      if (closes) t.is(db.stats().recoveredWrites, 0, 'all was flushed on the way out');
      for (const collection of ['main', 'worker'])
        t.deepEqual(await numbers(db, collection, COUNT), all(COUNT));
      // Writes that nobody waited for: none without those before it.
      for (const collection of ['later', 'worker-later']) {
        const found = await numbers(db, collection);
        t.deepEqual(found, all(found.length), `${collection} of ${name}`);
      }
      t.is((await db.get('main', 'last'))?.data, last.includes(name) ? 'last' : undefined);
      t.is(await db.get('main', 'never'), null);
    }
  });
}

const all = (count) => Array.from({ length: count }, (_, i) => i);

/** The numbers in a collection in order; with a count, those of its first documents. */
async function numbers(db, collection, count) {
  const found =
    count === undefined
      ? await db.getAll(collection, Number.POSITIVE_INFINITY)
      : await db.getMany(
          collection,
          all(count).map((i) => `${i}`),
        );
  return found.map((document) => document?.data).sort((a, b) => a - b);
}
