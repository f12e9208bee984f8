// Errors that are known long after the call: their stacks name who waits for it.

import { renameSync } from 'node:fs';
import test from 'ava';
import { manualFlush, openSimple, pathsIn, useFolder } from './helpers/database.mjs';

const CALLS = {
  flush: (db) => db.flush(),
  getAll: (db) => db.getAll('users'),
  getSync: (db) => db.getSync('users', 'u1'),
};

test('an error that comes later tells who called', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = openSimple(t, { ...paths, ...manualFlush, shardCount: 1, logger: false });
  const shard = paths.dbPath.replace(/\.db$/, '_shard0.db');
  await db.set('users', 'u1', 1);
  renameSync(shard, `${shard}.away`);
  for (const [name, call] of Object.entries(CALLS)) {
    const caller = {
      async [`caller of ${name}`]() {
        await call(db);
      },
    }[`caller of ${name}`];
    const error = await t.throwsAsync(caller(), { code: 'KIMDB_IO' });
    t.true(error.stack.startsWith(`KimDBError: ${error.message}\n`), error.stack);
    t.regex(error.stack, new RegExp(`at async .*caller of ${name}`));
  }
  renameSync(`${shard}.away`, shard);
  await db.flush();
});
