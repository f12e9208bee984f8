// Who may read the files: their owner alone, unless the owner has allowed more.

import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { filesIn, manualFlush, openSimple, pathsIn, useFolder } from './helpers/database.mjs';

const unixTest = process.platform === 'win32' ? test.skip : test.serial;

const mode = (path) => (statSync(path).mode & 0o777).toString(8);
const modesIn = (folder) =>
  Object.fromEntries(filesIn(folder).map((name) => [name, mode(join(folder, name))]));

/** The umask is the whole process's, so these tests run one after the other. */
function useUmask(t, umask) {
  const before = process.umask(umask);
  t.teardown(() => process.umask(before));
}

/** The mode of the file that holds a large record for a moment; tried until that moment is met. */
async function modeOfLarge(db, path) {
  for (;;) {
    let isOver = false;
    const flushed = db
      .set('users', 'large', 'x'.repeat(2 ** 24))
      .then(() => db.flush())
      .finally(() => {
        isOver = true;
      });
    while (!isOver) {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found) {
        await flushed;
        return (found.mode & 0o777).toString(8);
      }
      await setImmediate();
    }
    await flushed;
  }
}

for (const umask of [0o000, 0o022, 0o077]) {
  unixTest(`new files are their owner's, with a umask of ${umask.toString(8)}`, async (t) => {
    const folder = useFolder(t);
    useUmask(t, umask);
    const options = { ...pathsIn(folder), ...manualFlush, shardCount: 1, walSize: 2 ** 20 };
    const db = openSimple(t, options);
    await db.set('users', 'u1', 1);
    await db.flush();
    const expected = Object.fromEntries(
      ['test.lock', 'test.wal', 'test_shard0.db', 'test_shard0.db-shm', 'test_shard0.db-wal'].map((name) => [
        name,
        '600',
      ]),
    );
    t.deepEqual(modesIn(folder), expected);

    t.is(await modeOfLarge(db, `${options.walPath}.large`), '600');
    db.close();

    // A log of another size is a new file.
    openSimple(t, { ...options, walSize: 2 ** 21 }).close();
    t.deepEqual(modesIn(folder), { 'test.wal': '600', 'test_shard0.db': '600' });
  });
}

unixTest('files that are there keep their mode', async (t) => {
  const folder = useFolder(t);
  const options = { ...pathsIn(folder), ...manualFlush, shardCount: 1 };
  openSimple(t, options).close();
  for (const name of filesIn(folder)) chmodSync(join(folder, name), 0o640);
  const db = openSimple(t, options);
  await db.set('users', 'u1', 1);
  await db.flush();
  // SQLite gives its own files beside a shard the mode of the shard, so that who may read one may read all.
  t.deepEqual(modesIn(folder), {
    'test.lock': '600',
    'test.wal': '640',
    'test_shard0.db': '640',
    'test_shard0.db-shm': '640',
    'test_shard0.db-wal': '640',
  });
  db.close();
  t.deepEqual(modesIn(folder), { 'test.wal': '640', 'test_shard0.db': '640' });
});
