// kimdb installs nothing on the process, and may be interrupted while it opens a database.

import test from 'ava';
import { runProgram } from './helpers/child.mjs';
import { manualFlush, openSimple, pathsIn, useFolder } from './helpers/database.mjs';

test('no listener and no signal handler is installed', async (t) => {
  const { code, lines, stderr } = await runProgram(t, 'handlers.mjs', { options: pathsIn(useFolder(t)) });
  t.is(code, 0, stderr);
  const [before, ...later] = lines.map((line) => JSON.parse(line));
  t.deepEqual(
    later.map(({ step }) => step),
    ['imported', 'opened', 'in use', 'closed'],
  );
  for (const { step, listeners, signals } of later) {
    t.deepEqual({ listeners, signals }, { listeners: before.listeners, signals: before.signals }, step);
  }
});

for (const [ending, { code, lines, says }] of Object.entries({
  exit: { code: 7, lines: [], says: /^$/ },
  throw: { code: 1, lines: ['opened'], says: /Error: on purpose/ },
})) {
  test(`${ending} in the logger of an opening that recovers`, async (t) => {
    const options = { ...pathsIn(useFolder(t)), ...manualFlush };
    t.is((await runProgram(t, 'exit-while-opening.mjs', { options, ending: 'kill' })).signal, 'SIGKILL');
    const result = await runProgram(t, 'exit-while-opening.mjs', { options, ending });
    t.deepEqual([result.code, result.lines], [code, lines], result.stderr);
    t.regex(result.stderr, says);
    const db = openSimple(t, { ...options, logger: false });
    const ids = Array.from({ length: 100 }, (_, i) => `u${i}`);
    for (const [i, document] of (await db.getMany('users', ids)).entries())
      t.like(document, { data: i, _version: 1 });
  });
}
