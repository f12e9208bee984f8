// Runs in a machine: fills its disk while a log is in use, and goes on once there is space again.

import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SimpleDB } from 'kimdb/hyperscale';
import { pathsIn, until } from '../helpers/database.mjs';

const { folder, backend } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const say = (line) => console.log(`kimdb: ${line}`);
const MIB = 2 ** 20;
const paths = pathsIn(join(folder, 'database'));
const options = { ...paths, shardCount: 2, walSize: MIB, flushInterval: 5, logger: false };
if (backend) options.walBackend = backend;
const text = 'x'.repeat(1000);

let db = new SimpleDB(options);
const errors = new Set();
db.on('error', (error) => errors.add(error.code));
say(`mapped ${readFileSync('/proc/self/maps', 'utf8').includes(paths.walPath)}`);
// Several laps, so that every block of the log has been written before.
for (let i = 0; i < 4000; i++) await db.set('users', `u${i % 500}`, { i, text });
await db.flush();

const free = fill();
say('full');
const acknowledged = new Map();
const writes = Array.from({ length: 3000 }, (_, i) =>
  db.set('users', `f${i}`, { i, text }).then(
    () => acknowledged.set(`f${i}`, i),
    (error) => errors.add(error.code),
  ),
);
const synced = db.setSync('users', 'synced', { i: -1 }).then(
  () => acknowledged.set('synced', -1),
  (error) => errors.add(error.code),
);
await until(() => errors.size > 0);
say(`errors ${[...errors]}`);

free();
await Promise.all([...writes, synced]);
const isUp = () =>
  db.setSync('users', 'after', { i: -2 }).then(
    () => true,
    (error) => !errors.add(error.code),
  );
const end = Date.now() + 30_000;
while (!(await isUp())) if (Date.now() > end) throw new Error(`does not go on: ${[...errors]}`);
acknowledged.set('after', -2);
await db.flush();
db.close();
db = new SimpleDB(options);
for (const [id, i] of acknowledged)
  if ((await db.get('users', id))?.data.i !== i) throw new Error(`${id} was acknowledged and is gone`);
for (let i = 3500; i < 4000; i++)
  if ((await db.get('users', `u${i % 500}`))?.data.i !== i) throw new Error(`u${i % 500} is gone`);
db.close();
say(`verified 500 documents from before and ${acknowledged.size} writes since, met ${[...errors]}`);

/** Takes all the space, down to what a sync still finds. */
function fill() {
  const path = join(folder, 'ballast');
  const file = openSync(path, 'w');
  for (const size of [MIB, 65_536, 4096]) {
    const bytes = Buffer.alloc(size, 1);
    for (let isFull = false; !isFull; ) {
      try {
        writeSync(file, bytes);
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error;
        isFull = true;
      }
    }
    try {
      fsyncSync(file);
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
    }
  }
  closeSync(file);
  return () => rmSync(path);
}
