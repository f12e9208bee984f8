// Number ids of kimdb 7 where their shard does not tell them from texts: a single one, one file, or by chance.

import { join } from 'node:path';
import test from 'ava';
import { openSimple, useFolder } from '../__test__/helpers/database.mjs';
import { runOld } from './helpers/old-process.mjs';

/** A folder in which kimdb 7 made these steps, opened by this one. */
async function taken(t, options, steps) {
  const folder = useFolder(t);
  const paths = { dbPath: options.dbPath ?? 'store.db', walPath: 'buffer.wal' };
  // Killed, because connections to one file would wait a minute for each other when they are closed.
  const life = { steps: [...steps, ['flushSync']], killAfter: steps.length + 1 };
  const { signal, stderr } = await runOld(folder, { options: { ...options, ...paths }, ...life });
  t.is(signal, 'SIGKILL', stderr);
  const absolute = { dbPath: join(folder, paths.dbPath), walPath: join(folder, paths.walPath) };
  return openSimple(t, { ...options, ...absolute, logger: false });
}

const ids = Array.from({ length: 50 }, (_, i) => i + 1);

for (const [name, options] of [
  ['a single shard', { shardCount: 1 }],
  ['all shards in one file', { dbPath: './store' }],
]) {
  test(`${name}: a number id is found, and written again it is the same document`, async (t) => {
    const steps = [...ids, 2 ** 40, 1e21].map((id) => ['set', 'users', id, { id }]);
    const db = await taken(t, options, [...steps, ['set', 'users', 'u1', { id: 'u1' }]]);
    for (const [, , id, data] of steps) t.deepEqual((await db.get('users', id))?.data, data);
    await db.set('users', 7, 'again');
    t.is((await db.get('users', 7))._version, 2);
    t.is((await db.getAll('users', 1000)).length, steps.length + 1);
  });

  test(`${name}: texts that read like numbers keep their names`, async (t) => {
    const texts = ['5', '5.0', '7.0', 'v1'];
    const db = await taken(
      t,
      options,
      texts.map((id) => ['set', 'versions', id, { id }]),
    );
    for (const id of texts) t.deepEqual((await db.get('versions', id))?.data, { id });
    t.is(await db.get('versions', 7), null);
    t.is((await db.getAll('versions')).length, texts.length);
  });
}

test('eight shards: a collection with a single number id', async (t) => {
  const db = await taken(
    t,
    { shardCount: 8 },
    ids.map((id) => ['set', `c${id}`, id, { id }]),
  );
  for (const id of ids) t.deepEqual((await db.get(`c${id}`, id))?.data, { id }, `c${id}`);
});
