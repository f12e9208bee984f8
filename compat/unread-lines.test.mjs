// Lines of a buffer.wal of kimdb 7 that are no writes: they are told of and kept, and all others are recovered.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { filesIn, openSimple, until, useFolder } from '../__test__/helpers/database.mjs';
import { runOld } from './helpers/old-process.mjs';

const paths = { dbPath: 'store.db', walPath: 'buffer.wal' };

/** What a killed process of kimdb 7 left of its writes, which `change` gets as lines. */
async function leave(t, steps, change) {
  const folder = useFolder(t);
  const options = { ...paths, shardCount: 2, flushInterval: 2 ** 31 - 1 };
  await runOld(folder, { options, steps, killAfter: steps.length });
  const walPath = join(folder, paths.walPath);
  const lines = readFileSync(walPath, 'utf8').trimEnd().split('\n');
  t.is(lines.length, steps.length);
  writeFileSync(walPath, change(lines).join('\n'));
  return { folder, walPath, left: readFileSync(walPath, 'utf8') };
}

/** Opens it with this kimdb, and collects the errors that it tells of. */
function take(t, { folder, walPath }) {
  const db = openSimple(t, { dbPath: join(folder, paths.dbPath), walPath, shardCount: 2, logger: false });
  const errors = [];
  db.on('error', (error) => errors.push(error));
  return { db, errors };
}

const writes = ['a', 'b', 'c'].map((id) => ['set', 'users', id, { id }]);

test('a damaged line, and a write to a collection without a name', async (t) => {
  const damage = 'DAMAGED';
  const steps = [...writes, ['set', '', 'nameless', 1], ['delete', 'users', 'a']];
  const damaged = await leave(t, steps, ([first, ...rest]) => [first, damage, ...rest, '']);
  const nameless = damaged.left.split('\n').find((line) => line.includes('nameless'));
  const { db, errors } = take(t, damaged);
  t.deepEqual((await db.getAll('users')).map(({ id }) => id).sort(), ['b', 'c']);
  t.is(db.stats().damagedBytes, damage.length + nameless.length);
  await until(() => errors.length > 0);
  t.is(errors[0].code, 'KIMDB_CORRUPT');
  t.regex(errors[0].message, /2 lines of kimdb 7 .*Everything else was recovered.*corrupt-1/);
  t.is(readFileSync(`${damaged.walPath}.corrupt-1`, 'utf8'), damaged.left);
  db.close();
  t.is(take(t, damaged).db.stats().damagedBytes, 0);
});

test('a torn last line and a byte order mark are no damage', async (t) => {
  const torn = await leave(t, writes, ([first, ...rest]) => [`\ufeff${first}`, ...rest, first.slice(0, 30)]);
  const { db, errors } = take(t, torn);
  t.deepEqual((await db.getAll('users')).map(({ id }) => id).sort(), ['a', 'b', 'c']);
  await db.flush();
  t.deepEqual([errors, db.stats().damagedBytes], [[], 0]);
  t.false(filesIn(torn.folder).some((name) => name.includes('corrupt')));
});
