// One of several processes that have a database open together: writes its own documents and looks at those of the others.
// Each line of its output is what was acknowledged, or what should not be. Where it is several writers, each is a worker thread.

import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';

const args = JSON.parse(process.argv[2]);
const { options, mine, writers, documents, rounds } = args;
const startWorker = (me) =>
  new Worker(new URL(import.meta.url), { argv: [JSON.stringify({ ...args, mine: [me] })] });

if (mine.length > 1) mine.forEach(startWorker);
else await share(mine[0]);

async function share(me) {
  // A kill right after this line has it in the pipe all the same.
  const tell = (...words) => writeSync(1, `${[me, ...words].join(' ')}\n`);

  const db = new SimpleDB({ ...options, logger: false });
  db.on('error', (error) => tell('error', error.code, error.message));

  const idOf = (writer, i) => `w${writer}-${i}`;
  const newest = new Map();
  let count = 0;
  for (let i = 0; i < documents; i++) {
    const found = await db.get('counters', idOf(me, i));
    tell('start', i, found?.data.count ?? 0);
    count = Math.max(count, found?.data.count ?? 0);
  }

  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < documents; i++) {
      count += 1;
      const write = count % 7 === 0 ? 'setSync' : 'set';
      await db[write]('counters', idOf(me, i), { count, by: me });
      tell('acked', i, count);
      await db.set(`own-${me}`, `only-${i}`, { count });
      const own = await db.get('counters', idOf(me, i));
      if (own.data.count !== count) tell('wrong', 'read', own.data.count, 'after', count);
    }
    for (let writer = 0; writer < writers; writer++) {
      if (writer === me) continue;
      const id = idOf(writer, round % documents);
      const found = await db.get('counters', id);
      const seen = found?.data.count ?? 0;
      if (seen < (newest.get(id) ?? 0)) tell('wrong', id, 'went back from', newest.get(id), 'to', seen);
      newest.set(id, seen);
    }
    await new Promise((resolve) => setTimeout(resolve, round % 3));
  }
  db.close();
  tell('closed');
}
