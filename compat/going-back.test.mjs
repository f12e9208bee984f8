// There and back: what this kimdb wrote is read by the real kimdb 7, and what that wrote by this one. The log is removed
// in between, as docs/migration.md says: after close() the files have everything, and kimdb 7 takes its bytes for lines.

import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { openSimple, pathsIn, useFolder } from '../__test__/helpers/database.mjs';
import { useFixture } from './helpers/fixtures.mjs';
import { runOld } from './helpers/old-process.mjs';

const NEVER = 2 ** 31 - 1;
const COLLECTIONS = ['users', 'Orders_2', 'user-posts', '글 notes'];

/** What kimdb 7 finds for each [collection, id]. */
async function readOld(options, keys, more = {}) {
  const steps = keys.map(([collection, id]) => ['get', collection, id]);
  const { code, results, stderr } = await runOld(more.folder, { options, steps });
  if (code !== 0) throw new Error(stderr);
  return results;
}

test('kimdb 7 reads every document of ours after sets, updates and deletes', async (t) => {
  const folder = useFolder(t);
  const options = pathsIn(folder);
  const db = openSimple(t, options);
  const expected = new Map();
  for (const collection of COLLECTIONS) {
    for (let i = 0; i < 60; i++) {
      const id = i % 10 === 0 ? `아이디 ${i}` : `u${i}`;
      await db.set(collection, id, { i, text: '값'.repeat(i) });
      if (i % 3 === 0) await db.set(collection, id, { again: i });
      if (i % 7 === 0) await db.setSync(collection, id, [i, null, 'synced']);
      if (i % 5 === 0) await db.delete(collection, id);
      const { data = null, _version = null } = (await db.get(collection, id)) ?? {};
      expected.set([collection, id], { data, _version });
    }
  }
  await db.setMany('users', [['batched', 1]]);
  expected.set(['users', 'batched'], { data: 1, _version: 1 });
  await db.set('사용자', 'u1', 'a name that kimdb 7 cannot store does not get in its way');
  db.close();
  rmSync(options.walPath);

  const found = await readOld(options, [...expected.keys()], { folder });
  t.is(found.length, 241);
  [...expected].forEach(([[collection, id], { data, _version }], i) => {
    t.deepEqual(found[i], data === null ? null : { id, data, _version }, `${collection}/${id}`);
  });
});

for (const ending of ['close', 'kill']) {
  test(`what kimdb 7 writes into our files is ours again (${ending})`, async (t) => {
    const folder = useFolder(t);
    const options = { ...pathsIn(folder), logger: false };
    const db = openSimple(t, options);
    for (const collection of COLLECTIONS) {
      for (let i = 0; i < 20; i++) await db.set(collection, `u${i}`, { by: 8, i });
    }
    await db.set('사용자', 'u1', 'kept');
    db.close();
    rmSync(options.walPath);

    const steps = COLLECTIONS.flatMap((collection) => [
      ...[0, 1, 2].map((i) => ['set', collection, `u${i}`, { by: 7, i }]),
      ['set', collection, 'new', { by: 7 }],
      ['setSync', collection, 'synced', { by: 7 }],
      ['delete', collection, 'u5'],
    ]);
    const { logger, ...paths } = options;
    const life =
      ending === 'close'
        ? { options: paths, steps }
        : { options: { ...paths, flushInterval: NEVER }, steps, killAfter: steps.length };
    const { signal, stderr } = await runOld(folder, life);
    t.is(signal, ending === 'close' ? null : 'SIGKILL', stderr);

    const again = openSimple(t, options);
    t.is(again.stats().recoveredWrites, ending === 'close' ? 0 : 20);
    for (const collection of COLLECTIONS) {
      const read = async (id) => {
        const document = await again.get(collection, id);
        return document && [document.data, document._version];
      };
      t.deepEqual(await read('u1'), [{ by: 7, i: 1 }, 2]);
      t.deepEqual(await read('new'), [{ by: 7 }, 1]);
      t.deepEqual(await read('synced'), [{ by: 7 }, 1]);
      t.is(await read('u5'), null);
      t.deepEqual(await read('u19'), [{ by: 8, i: 19 }, 1]);
      t.is((await again.getAll(collection, 1000)).length, 21);
    }
    t.is((await again.get('사용자', 'u1')).data, 'kept');
  });
}

test('kimdb 7 finds what was one file under the name of the shards', async (t) => {
  const { folder, options, expected } = useFixture(t, 'one-file');
  const db = openSimple(t, options);
  await db.set('users', 'added', { by: 8 });
  db.close();
  rmSync(options.walPath);

  const { logger, ...rest } = options;
  const named = { ...rest, dbPath: `${options.dbPath}.db` };
  const keys = [...expected.documents, ['users', 'added']];
  const found = await readOld(named, keys, { folder });
  keys.forEach(([collection, id, data = { by: 8 }, _version = 1], i) => {
    t.deepEqual(found[i], { id, data, _version }, `${collection}/${id}`);
  });
  const { code, stderr } = await runOld(folder, { options: named, steps: [['set', 'users', 'u1', 7]] });
  t.is(code, 0, stderr);
  for (const path of [named.dbPath, options.dbPath]) {
    const again = openSimple(t, { ...options, dbPath: path });
    t.is((await again.get('users', 'u1')).data, 7);
    again.close();
  }
});

test("kimdb 7 finds shards whose dbPath has a '.db' before its end, once they have its names", async (t) => {
  const folder = useFolder(t);
  const options = { dbPath: join(folder, 'app.dbx'), walPath: join(folder, 'app.wal'), logger: false };
  const db = openSimple(t, options);
  for (let i = 0; i < 40; i++) await db.set('users', `u${i}`, { i });
  db.close();
  rmSync(options.walPath);
  for (let i = 0; i < 8; i++) {
    renameSync(join(folder, `app.dbx_shard${i}.db`), join(folder, `app_shard${i}.dbx`));
  }

  const { logger, ...rest } = options;
  const keys = Array.from({ length: 40 }, (_, i) => ['users', `u${i}`]);
  const found = await readOld(rest, keys, { folder });
  t.deepEqual(
    found.map(({ data }) => data.i),
    keys.map((_, i) => i),
  );
  const again = openSimple(t, options);
  t.is((await again.getAll('users')).length, 40);
  t.is(again.stats().shardCount, 8);
});

test('what kimdb 7 writes into a new file, where the one file was, is not passed over', async (t) => {
  const { folder, options } = useFixture(t, 'one-file');
  openSimple(t, options).close();
  rmSync(options.walPath);
  const { logger, ...rest } = options;
  const steps = [['set', 'users', 'later', 7]];
  // The shards of kimdb 7 are all this file, and it may wait a minute for itself as it closes.
  await runOld(folder, { options: { ...rest, shardCount: 1 }, steps });
  t.true(existsSync(options.dbPath));
  const error = t.throws(() => openSimple(t, options), { code: 'KIMDB_SHARD_COUNT' });
  t.true(error.message.includes(options.dbPath), error.message);
});

for (const name of ['default', 'stripped', 'other-tables', 'page-sizes', 'killed']) {
  test(`a folder of kimdb 7 goes there and back: ${name}`, async (t) => {
    const { folder, options, expected } = useFixture(t, name);
    const db = openSimple(t, options);
    const [collection, gone] = expected.documents[0];
    await db.delete(collection, gone);
    await db.set(collection, 'added', { by: 8 });
    const documents = [];
    for (const [collection, id] of expected.documents) documents.push(await db.get(collection, id));
    db.close();
    rmSync(options.walPath);

    const { logger, ...rest } = options;
    const keys = [...expected.documents, [collection, 'added']].map(([name, id]) => [name, id]);
    const found = await readOld(rest, keys, { folder });
    t.deepEqual(found.at(-1), { id: 'added', data: { by: 8 }, _version: 1 });
    found.slice(0, -1).forEach((document, i) => {
      const { _buffered, ...ours } = documents[i] ?? {};
      t.deepEqual(document, documents[i] && ours, keys[i].join('/'));
    });
    t.is(found[0], null);
    t.true(existsSync(options.dbPath.replace('.db', '_shard0.db')));
  });
}
