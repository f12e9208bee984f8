// Calls of a program whose stack is full: a recursion that goes too deep, and calls the database on its way back.

import test from 'ava';
import { openSimple, pathsIn, sleep, useFolder } from './helpers/database.mjs';

const PADS = 40;

/** Calls `call` on a full stack, and then with a little more room each time. */
function callDeep(call, pad) {
  let left = 700;
  const names = Array.from({ length: pad }, (_, i) => `v${i}`);
  const locals = names.map((name) => `let ${name} = 1;`).join('');
  const body = `${locals} try { go(call); } catch {} call(); return [${names}];`;
  // Frames of several sizes, so that the stack ends at each place of the call once.
  const go = new Function('call', `const go = function (call) { ${body} }; go(call);`);
  try {
    go(() => {
      if (left-- > 0) call();
    });
  } catch {}
}

test('flushSync on a full stack leaves no promise unsettled', async (t) => {
  const db = openSimple(t, { ...pathsIn(useFolder(t)), logger: false });
  let open = 0;
  for (let pad = 0; pad < 3; pad++) {
    for (let i = 0; i < 20; i++) {
      open += 2;
      for (const promise of [db.flush(), db.shardRows()]) promise.then(() => open--);
    }
    await db.set('c', pad, pad);
    callDeep(() => db.flushSync(), pad);
  }
  for (let i = 0; i < 100 && open > 0; i++) await sleep(20);
  t.deepEqual([open, db.stats().waitingCalls], [0, 0]);
});

test('getMany on a full stack does not stop those that come later', async (t) => {
  const db = openSimple(t, { ...pathsIn(useFolder(t)), logger: false });
  const ids = Array.from({ length: 200 }, (_, i) => `id${i}`);
  await db.setMany(
    'c',
    ids.map((id) => [id, 1]),
  );
  await db.flush();
  // So often that they are kept as values.
  for (let round = 0; round < 10; round++) for (const id of ids) await db.get('c', id);
  for (let pad = 0; pad < PADS; pad++) {
    callDeep(() => db.getMany('c', ids).catch(() => undefined), pad);
    const found = await Promise.race([db.getMany('c', ids), sleep(5000)]);
    t.is(found?.length, ids.length, `${pad}`);
    if (found === undefined) break;
  }
});
