// getMany of many documents: read in parts, by several threads, while the event loop turns.

import { spawnSync } from 'node:child_process';
import process from 'node:process';
import test from 'ava';
import { openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { useSqliteTool } from './helpers/sqlite.mjs';

// Nothing is flushed by itself.
const UNFLUSHED = { flushInterval: 2 ** 31 - 1, bufferSize: 2 ** 31 - 1 };
const STORED = 3000;
const id = (i) => `id${i}`;
const idsOf = (count) => Array.from({ length: count }, (_, i) => id(i));
const data = (i) => ({ number: i, name: `문서 ${i}`, tags: ['a', i] });

/** Documents of which some are in the shards, some in the cache, some buffered and some gone. */
async function openMixed(t, options, change) {
  const paths = pathsIn(useFolder(t));
  const first = openSimple(t, { ...paths, ...options });
  await first.setMany(
    'c',
    idsOf(STORED).map((one, i) => [one, data(i)]),
  );
  first.close();
  change?.(paths.dbPath.replace(/\.db$/, '_shard0.db'));
  const db = openSimple(t, { ...paths, ...UNFLUSHED, ...options });
  for (let i = 0; i < STORED; i += 7) await db.get('c', id(i));
  for (let i = 0; i < STORED; i += 10) await db.set('c', id(i), { changed: i });
  for (let i = 5; i < STORED; i += 10) await db.delete('c', id(i));
  return db;
}

function expected(i) {
  if (i % 10 === 0 && i < STORED) return { id: id(i), data: { changed: i }, _version: 2, _buffered: true };
  return i % 10 === 5 || i >= STORED ? null : { id: id(i), data: data(i), _version: 1 };
}

for (const [title, options] of [
  ['the usual options', {}],
  ['one shard', { shardCount: 1 }],
  ['no cache', { cacheBytes: 0 }],
  ['syncReads', { syncReads: true }],
]) {
  test(`every document is what get gives, in the order of the ids: ${title}`, async (t) => {
    const db = await openMixed(t, options);
    const numbers = Array.from({ length: STORED + 200 }, (_, k) => (k * 1201) % (STORED + 200));
    // Twice the same, too.
    numbers.push(...numbers.slice(0, 300));
    const found = await db.getMany('c', numbers.map(id));
    const wanted = options.syncReads
      ? await Promise.all(numbers.map((i) => db.get('c', id(i))))
      : numbers.map(expected);
    t.deepEqual(found, wanted);
    t.deepEqual(await db.getMany('c', numbers.map(id)), wanted, 'and once more');
    found[0] = 'changed';
    t.deepEqual((await db.getMany('c', [id(numbers[0])]))[0], wanted[0]);
  });
}

test('lists of every length around that of a part', async (t) => {
  const db = await openMixed(t);
  for (const length of [0, 1, 2, 127, 128, 129, 255, 256, 257, 384, 385, 511, 512, 513, 900]) {
    const found = await db.getMany('c', idsOf(length));
    t.deepEqual(
      found,
      Array.from({ length }, (_, i) => expected(i)),
      `${length}`,
    );
  }
});

for (const [title, sizeOf] of [
  ['very different sizes', (i) => (i % 97 === 0 ? 300_000 : i % 50)],
  ['a megabyte and more', (i) => 1_000_000 + i * 100_000],
  ['ten kilobytes', (i) => 10_000 + i],
]) {
  test(`documents of ${title}`, async (t) => {
    const paths = pathsIn(useFolder(t));
    const sizes = Array.from({ length: sizeOf(0) > 500_000 ? 20 : 600 }, (_, i) => sizeOf(i));
    const ids = idsOf(sizes.length);
    const first = openSimple(t, paths);
    for (const [i, size] of sizes.entries()) await first.set('c', id(i), 'x'.repeat(size));
    const same = async (db, where) => {
      const found = await db.getMany('c', ids);
      t.deepEqual(
        found.map((one) => [one.id, one.data.length, one._version]),
        sizes.map((size, i) => [id(i), size, 1]),
        where,
      );
    };
    await same(first, 'buffered, or just flushed');
    first.close();
    const db = openSimple(t, paths);
    await same(db, 'from the shards');
    await same(db, 'from the cache');
  });
}

test('the event loop turns meanwhile, wherever the documents are', async (t) => {
  const db = await openMixed(t);
  const ids = idsOf(STORED);
  for (const where of ['shards', 'cache', 'values']) {
    let turns = 0;
    let isOver = false;
    const turn = () => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    t.is((await db.getMany('c', ids)).length, STORED);
    isOver = true;
    t.true(turns >= 5, `${turns} turns, from the ${where}`);
    if (where === 'cache') for (const one of ids) await db.get('c', one);
  }
});

test('the event loop turns while long documents are copied that are kept as values', async (t) => {
  const db = openSimple(t);
  const long = Array.from({ length: 3000 }, (_, i) => ({ i }));
  const ids = idsOf(60);
  await db.setMany(
    'c',
    ids.map((one) => [one, long]),
  );
  await db.flush();
  for (const one of ids) for (let i = 0; i < 3; i++) await db.get('c', one);
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  t.deepEqual((await db.getMany('c', ids)).at(-1), { id: ids.at(-1), data: long, _version: 1 });
  t.true(turned);
});

test('what was written before the call is found, and what the list was', async (t) => {
  const db = await openMixed(t);
  const ids = idsOf(STORED);
  const last = id(STORED - 1);
  db.set('c', last, 'newest');
  const found = db.getMany('c', ids);
  ids.fill('nobody');
  t.is((await found).at(-1).data, 'newest');
});

test('writes that wait for room in the log are seen', async (t) => {
  const db = await openMixed(t, { walSize: 2 ** 20 });
  const text = 'x'.repeat(2000);
  for (let i = 0; i < 1200; i++) db.set('c', id(i), { i, text });
  const found = await db.getMany('c', idsOf(1200));
  t.true(found.every(({ data: { i } }, k) => i === k));
});

test('a document that is no JSON is named, wherever it is in the list', async (t) => {
  const env = useSqliteTool(t);
  if (env === undefined) return t.pass();
  for (const [bad, text] of [
    [3, '{'],
    [701, '1,2'],
    [STORED - 2, '"a" "b"'],
    [702, ''],
  ]) {
    const sql = `UPDATE c SET data = '${text}' WHERE id = '${id(bad)}'`;
    const db = await openMixed(t, { shardCount: 1 }, (file) => {
      t.is(spawnSync('sqlite3', [file, sql], { env }).status, 0);
    });
    const path = db.db.shards.get(0).name;
    const fields = {
      name: 'KimDBError',
      code: 'KIMDB_CORRUPT',
      collection: 'c',
      id: id(bad),
      shard: 0,
      path,
    };
    const error = await t.throwsAsync(db.getMany('c', idsOf(STORED)));
    t.like(error, fields, text);
    const alone = await t.throwsAsync(db.get('c', id(bad)));
    t.like(alone, fields, text);
    t.true(alone.message.includes(`in the shard file '${path}'`), alone.message);
  }
  return undefined;
});

test('a database that is closed in the middle says so, once', async (t) => {
  const unhandled = [];
  const note = (error) => unhandled.push(error);
  process.on('unhandledRejection', note);
  t.teardown(() => process.off('unhandledRejection', note));
  const db = await openMixed(t);
  const reading = db.getMany('c', idsOf(STORED));
  db.close();
  await t.throwsAsync(reading, { code: 'KIMDB_CLOSED' });
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.deepEqual(unhandled, []);
});
