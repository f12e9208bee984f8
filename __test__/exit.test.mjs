// Processes that end without close(): they end by themselves and lose nothing.

import test from 'ava';
import { runProgram } from './helpers/child.mjs';
import { manualFlush, openSimple, pathsIn, useFolder } from './helpers/database.mjs';

const COUNT = 500;

const endings = {
  'normal end': { code: 0, signal: null },
  'process.exit': { code: 7, signal: null },
  'uncaught exception': { code: 1, signal: null },
  'unhandled rejection': { code: 1, signal: null },
  'exit in a beforeExit listener': { code: 3, signal: null },
  'write in an exit listener': { code: 0, signal: null },
  SIGKILL: { code: null, signal: 'SIGKILL' },
  SIGTERM: { code: null, signal: 'SIGTERM' },
};

for (const [ending, { code, signal }] of Object.entries(endings)) {
  for (const [kind, flushing] of Object.entries({
    'nothing flushed': manualFlush,
    'flushes under way': { flushInterval: 1 },
  })) {
    test(`${ending}, ${kind}`, async (t) => {
      const options = { ...pathsIn(useFolder(t)), ...flushing };
      const result = await runProgram(t, 'exit.mjs', { options, ending, count: COUNT });
      t.deepEqual({ code: result.code, signal: result.signal }, { code, signal }, result.stderr);
      t.is(result.lines.at(-1), 'written');
      const db = openSimple(t, { ...options, logger: false });
      const expected = ending === 'write in an exit listener' ? COUNT + 1 : COUNT;
      t.is((await db.getAll('users', Number.POSITIVE_INFINITY)).length, expected);
      t.deepEqual(await db.get('users', 'u7'), { id: 'u7', data: 7, _version: 1 });
      t.is(await db.get('users', 'deleted'), null);
    });
  }
}

test('an open promise keeps the process alive until it is settled', async (t) => {
  const options = { ...pathsIn(useFolder(t)), ...manualFlush };
  const { code, lines } = await runProgram(t, 'exit.mjs', { options, ending: 'open promises', count: COUNT });
  t.is(code, 0);
  t.deepEqual(lines.sort(), ['flush', 'getAll', 'setSync', 'written']);
});

test('a listener alone does not keep the process alive', async (t) => {
  const options = pathsIn(useFolder(t));
  const { code, lines } = await runProgram(t, 'exit.mjs', { options, ending: 'listeners', count: COUNT });
  t.deepEqual([code, lines], [0, ['written']]);
});
