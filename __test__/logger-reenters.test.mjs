// The logger is called while the database is being opened, and may do anything with it.

import { readdirSync, readlinkSync } from 'node:fs';
import process from 'node:process';
import test from 'ava';
import { HyperScaleDB } from '../index.mjs';
import { crashImage } from './helpers/crash-image.mjs';
import { openSimple, pathsIn, useFolder } from './helpers/database.mjs';

/** Files in a folder that this process has open; on Linux only. */
function openFiles(folder) {
  if (process.platform !== 'linux') return 0;
  const isThere = (handle) => {
    try {
      return readlinkSync(`/proc/self/fd/${handle}`).startsWith(folder);
    } catch {
      return false;
    }
  };
  return readdirSync('/proc/self/fd').filter(isThere).length;
}

/** A database that has something to recover, whose logger calls a method of it. */
async function recovering(t, method) {
  const folder = useFolder(t);
  const killed = openSimple(t, { ...pathsIn(folder), flushInterval: 2 ** 31 - 1 });
  for (let i = 0; i < 200; i++) await killed.set('c', `${i}`, i);
  const image = crashImage(t, folder);
  const calls = [];
  const db = new HyperScaleDB({
    ...pathsIn(image),
    logger: () => {
      if (calls.length === 0) calls.push(method);
      else return;
      db[method]();
    },
  });
  t.teardown(() => db.close());
  return { db, image, calls };
}

test('init() in the logger opens the database once', async (t) => {
  const { db, image, calls } = await recovering(t, 'init');
  db.init();
  t.deepEqual(calls, ['init']);
  t.is(db.read('c', '7').data, 7);
  db.close();
  t.is(openFiles(image), 0);
});

test('close() in the logger closes the database', async (t) => {
  const { db, image, calls } = await recovering(t, 'close');
  t.throws(() => db.init(), { code: 'KIMDB_CLOSED' });
  t.deepEqual(calls, ['close']);
  t.throws(() => db.read('c', '7'), { code: 'KIMDB_CLOSED' });
  t.is(openFiles(image), 0);
});
