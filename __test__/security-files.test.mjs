// Files that somebody left in the folder before the database is opened: links in place of its own files, logs of
// others. What a link points to is never written, emptied or removed, unless the user named the link as the log.

import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { KimDBError, SimpleDB } from 'kimdb/hyperscale';
import { filesIn, manualFlush, openSimple, pathsIn, rowsOf, useFolder } from './helpers/database.mjs';

const VICTIM = 'Keep this.\n';

/** A folder for the database, and a file outside it that a link is to betray. */
function useTrap(t) {
  const outer = useFolder(t);
  const inner = join(outer, 'inner');
  mkdirSync(inner);
  const victim = join(outer, 'victim');
  writeFileSync(victim, VICTIM);
  const isUntouched = () => {
    t.is(readFileSync(victim, 'utf8'), VICTIM);
    t.deepEqual(filesIn(outer), ['inner', 'victim']);
  };
  return {
    inner,
    victim,
    isUntouched,
    options: { ...pathsIn(inner), ...manualFlush, shardCount: 1, walSize: 2 ** 20 },
  };
}

/** The name under which this database builds a log before it gets its own. */
function draftOf(db, walPath) {
  const { value } = rowsOf(db.db, '_kimdb_meta').find(({ key }) => key === 'database');
  return `${walPath}.${Buffer.from(value).subarray(0, 4).toString('hex')}.new`;
}

async function use(t, options) {
  const db = openSimple(t, options);
  await db.set('users', 'u1', 1);
  // Too large for the log, so it goes into a file of its own.
  await db.set('users', 'large', 'x'.repeat(2 ** 20));
  await db.flush();
  t.is((await db.get('users', 'u1')).data, 1);
  return db;
}

for (const suffix of ['.lock', '_shard0.db-wal', '_shard0.db-shm']) {
  for (const target of ['victim', 'planted']) {
    test(`a link in place of ${suffix}, to ${target === 'victim' ? 'a file' : 'nothing'}`, async (t) => {
      const { inner, isUntouched, options } = useTrap(t);
      const plant = () => symlinkSync(join(inner, '..', target), join(inner, `test${suffix}`));
      plant();
      try {
        (await use(t, options)).close();
      } catch (error) {
        // SQLite removes what lies beside a file that is still to be made, so this may also work.
        t.true(error instanceof KimDBError, String(error));
      }
      isUntouched();
      rmSync(inner, { recursive: true });
      (await use(t, options)).close();
      plant();
      t.throws(() => new SimpleDB(options), { instanceOf: KimDBError });
      isUntouched();
    });
  }
}

test('links in place of .large and of the log that is being made are replaced', async (t) => {
  for (const target of ['victim', 'planted']) {
    const { inner, isUntouched, options } = useTrap(t);
    // The draft's name holds the database's id, so this takes a database that exists.
    const first = await use(t, options);
    const draft = draftOf(first, options.walPath);
    first.close();
    symlinkSync(join(inner, '..', target), draft);
    symlinkSync(join(inner, '..', target), `${options.walPath}.large`);
    // Another size of the log has a new one made.
    const db = await use(t, { ...options, walSize: 2 ** 21 });
    await db.set('users', 'large', 'x'.repeat(2 ** 21));
    await db.flush();
    db.close();
    isUntouched();
    t.false(existsSync(draft));
    t.deepEqual(filesIn(inner), ['test.wal', 'test_shard0.db']);
  }
});

test('a shard file that is a link is the file that it names', async (t) => {
  const { inner, options } = useTrap(t);
  (await use(t, options)).close();
  mkdirSync(join(inner, 'elsewhere'));
  const shard = join(inner, 'test_shard0.db');
  renameSync(shard, join(inner, 'elsewhere', 'shard.db'));
  symlinkSync(join('elsewhere', 'shard.db'), shard);
  const db = openSimple(t, options);
  t.is((await db.get('users', 'u1')).data, 1);
  await db.set('users', 'u1', 2);
  await db.flush();
  db.close();
  t.true(lstatSync(shard).isSymbolicLink());
  t.is((await openSimple(t, options).get('users', 'u1')).data, 2);
});

test('a second name of a file in place of .large does not betray it', async (t) => {
  const { victim, isUntouched, options } = useTrap(t);
  linkSync(victim, `${options.walPath}.large`);
  await t.throwsAsync(use(t, options), { code: 'KIMDB_IO', message: /another file has its name/ });
  isUntouched();
});

test('a log of another database beside the own one is left alone', async (t) => {
  const { inner, options } = useTrap(t);
  const other = openSimple(t, { ...pathsIn(inner, 'other'), ...manualFlush });
  await other.set('users', 'u1', 'of the other');
  other.close();
  const foreign = readFileSync(join(inner, 'other.wal'));
  for (const name of ['test.wal.large', 'test.wal']) {
    writeFileSync(join(inner, name), foreign);
    if (name === 'test.wal') t.throws(() => new SimpleDB(options), { code: 'KIMDB_WAL_MISMATCH' });
    else openSimple(t, options).close();
    t.true(readFileSync(join(inner, name)).equals(foreign), name);
  }
});

test('a folder in place of a file is an error and stays', (t) => {
  for (const name of ['test.lock', 'test.wal.large', 'test_shard0.db', 'test_shard0.db-wal']) {
    const { inner, options } = useTrap(t);
    mkdirSync(join(inner, name, 'kept'), { recursive: true });
    t.throws(() => new SimpleDB(options), { instanceOf: KimDBError }, name);
    t.deepEqual(readdirSync(join(inner, name)), ['kept']);
  }
});
