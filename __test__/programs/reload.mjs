// Loads the package anew again and again while it writes, as programs do that reload their modules. Prints what it holds.

import { setImmediate } from 'node:timers/promises';
import { SimpleDB } from 'kimdb/hyperscale';
import { canCount, files, threads } from '../helpers/resources.mjs';
import loadAnew from './load-anew.cjs';

const { options, folder, rounds, how, closes } = JSON.parse(process.argv[2]);
const entry = new URL('../../index.mjs', import.meta.url);

const loads = {
  'delete require.cache': loadAnew,
  'import with a query': async (round) => (await import(`${entry}?${round}`)).SimpleDB,
  'the same module': () => SimpleDB,
};

const first = new SimpleDB(options);
let written = 0;
let goesOn = true;
const writer = (async () => {
  while (goesOn) {
    for (let i = 0; i < 20; i++) await first.set('first', `${written++}`, 'x'.repeat(200));
    await setImmediate();
  }
})();

function look(round) {
  globalThis.gc();
  const { heapUsed, rss } = process.memoryUsage();
  const held = canCount ? { ...countThreads(), files: files(folder).inFolder.length } : {};
  console.log(JSON.stringify({ round, heapMb: heapUsed / 2 ** 20, rssMb: rss / 2 ** 20, ...held }));
}

/** Threads that an open database always has, and those that are started once reads find nobody free. */
function countThreads() {
  const readers = threads().ofEngine.filter((name) => name.startsWith('kimdb-read-')).length;
  return { threads: threads().ofEngine.length - readers, readers };
}

for (let round = 1; round <= rounds; round++) {
  const Loaded = await loads[how](round);
  const db = new Loaded(options);
  db.on('flush', () => {});
  for (let i = 0; i < 10; i++) await db.set('rounds', `${round}-${i}`, { round, i });
  db.setSync('rounds', `${round}-synced`, round).catch(() => {});
  await db.get('rounds', `${round - 1}-0`);
  if (closes) db.close();
  await setImmediate();
  if (round % 20 === 0) {
    await first.flush();
    await first.getAll('rounds', 1);
    look(round);
  }
}
goesOn = false;
await writer;
console.log(JSON.stringify({ written }));
