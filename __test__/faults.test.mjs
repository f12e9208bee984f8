// What goes wrong outside the library: files damaged, removed, locked or in the way.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SimpleDB } from 'kimdb/hyperscale';
import { crashImage } from './helpers/crash-image.mjs';
import { manualFlush, openHyper, openSimple, pathsIn, sleep, useFolder } from './helpers/database.mjs';

test('a walPath that is a link to nothing is an error', (t) => {
  const folder = useFolder(t);
  const paths = pathsIn(folder);
  symlinkSync(join(folder, 'nowhere'), paths.walPath);
  t.throws(() => new SimpleDB(paths), { code: 'KIMDB_IO' });
});

test('a file where a folder has to be is said so', (t) => {
  const file = join(useFolder(t), 'data');
  writeFileSync(file, '');
  const message = /a file is where a folder has to be: move it away, or choose another path\.$/;
  for (const folder of [file, join(file, 'below')]) {
    t.throws(() => new SimpleDB(pathsIn(folder)), { code: 'KIMDB_IO', message });
  }
});

test('a walPath that is a folder is an error and stays one', (t) => {
  const folder = useFolder(t);
  const paths = pathsIn(folder);
  mkdirSync(paths.walPath);
  t.throws(() => new SimpleDB(paths), { code: 'KIMDB_IO', message: /not a regular file/ });
  t.true(existsSync(paths.walPath));
});

test('a walPath that is a link to a log uses that log', async (t) => {
  const folder = useFolder(t);
  const paths = pathsIn(folder);
  writeFileSync(
    join(folder, 'real.wal'),
    `${JSON.stringify({ collection: 'users', id: 'u1', data: { n: 1 }, operation: 'upsert', timestamp: 0 })}\n`,
  );
  symlinkSync(join(folder, 'real.wal'), paths.walPath);
  const db = openSimple(t, { ...paths, logger: false });
  t.like(await db.get('users', 'u1'), { data: { n: 1 } });
  t.is(readFileSync(join(folder, 'real.wal')).subarray(0, 8).toString(), 'KIMDBLOG');
});

test('a log damaged while it is in use is reported, and nothing is given up', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = new SimpleDB({ ...paths, ...manualFlush });
  t.teardown(() => db.close());
  const errors = [];
  db.on('error', (error) => errors.push(error.code));
  for (let i = 0; i < 100; i++) await db.set('users', `u${i}`, { marker: `first ${i}.` });
  await db.flush();
  for (let i = 0; i < 100; i++) await db.set('users', `u${i}`, { marker: `second ${i}.` });
  const image = readFileSync(paths.walPath);
  const place = image.indexOf('second 99.');
  t.true(place > 0);
  image[place] ^= 1;
  // In place: a file that is cut for a moment takes away pages that the engine has mapped.
  writeFileSync(paths.walPath, image, { flag: 'r+' });
  await t.throwsAsync(db.flush(), { code: 'KIMDB_CORRUPT' });
  await t.throwsAsync(db.set('users', 'u1', 'more'), { code: 'KIMDB_CORRUPT' });
  t.throws(() => db.close(), { code: 'KIMDB_CORRUPT' });
  t.deepEqual(errors, ['KIMDB_CORRUPT']);
  const again = openSimple(t, { ...paths, logger: false });
  for (let i = 0; i < 99; i++) t.is((await again.get('users', `u${i}`)).data.marker, `second ${i}.`);
});

test('close() after the folder is gone lets go of everything and makes nothing anew', async (t) => {
  const folder = useFolder(t);
  const inside = join(folder, 'inside');
  const db = new SimpleDB(pathsIn(inside));
  await db.set('users', 'u1', 1);
  rmSync(inside, { recursive: true });
  t.throws(() => db.close(), { code: 'KIMDB_IO' });
  t.false(existsSync(inside));
});

for (const [what, instead] of [
  ['', () => {}],
  [', with another one in its place', (inside) => mkdirSync(inside)],
]) {
  test(`a folder that is moved away and back${what}: writes are refused meanwhile, nothing is lost`, async (t) => {
    const folder = useFolder(t);
    const inside = join(folder, 'inside');
    const db = openSimple(t, { ...pathsIn(inside), flushInterval: 5 });
    const errors = new Set();
    db.on('error', (error) => errors.add(error.code));
    const acknowledged = [];
    const write = async (id) => {
      await db.set('users', id, { id });
      acknowledged.push(id);
    };
    for (let i = 0; i < 100; i++) await write(`before${i}`);
    renameSync(inside, join(folder, 'away'));
    instead(inside);
    let refused = 0;
    for (let i = 0; refused < 10; i++) {
      await write(`meanwhile${i}`).catch((error) => {
        t.is(error.code, 'KIMDB_IO');
        refused++;
      });
      await sleep(1);
    }
    t.deepEqual([...errors], ['KIMDB_IO']);
    // On Windows nothing is renamed to a folder that is there.
    if (existsSync(inside)) rmdirSync(inside);
    renameSync(join(folder, 'away'), inside);
    // By itself, within the longest pause between two attempts.
    let after = 0;
    while (!acknowledged.includes(`after${after}`)) {
      await write(`after${++after}`).catch(() => {});
      await sleep(5);
    }
    await db.flush();
    for (const id of acknowledged) t.deepEqual((await db.get('users', id)).data, { id });
  });
}

test("SQLite's log of a shard that is removed while it is open takes nothing along", async (t) => {
  const folder = useFolder(t);
  const options = { ...manualFlush, shardCount: 2, walSize: 2 ** 20 };
  const db = openSimple(t, { ...pathsIn(folder), ...options });
  const errors = new Set();
  db.on('error', (error) => errors.add(error.code));
  for (let i = 0; i < 500; i++) await db.set('users', `first${i}`, i);
  await db.flush();
  for (const name of readdirSync(folder)) if (name.endsWith('-wal')) rmSync(join(folder, name));
  // More than the log holds, so that its space has to be given back.
  const text = 'x'.repeat(1000);
  for (let i = 0; i < 3000; i++) await db.set('users', `second${i}`, { i, text });
  await db.flush();
  await db.setSync('users', 'last', 1);
  t.true(errors.has('KIMDB_IO'), 'it is told');
  const killed = openSimple(t, { ...pathsIn(crashImage(t, folder)), ...options, logger: false });
  t.is((await killed.getAll('users', 10_000)).length, 3501);
});

test('a shard file that is cut to nothing while it is open is told, and nothing more is given up', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = new SimpleDB({ ...paths, ...manualFlush, shardCount: 1 });
  const errors = [];
  db.on('error', (error) => errors.push(error.code));
  for (let i = 0; i < 100; i++) await db.set('users', `u${i}`, i);
  await db.flush();
  db.db.shards.get(0).pragma('wal_checkpoint(TRUNCATE)');
  truncateSync(db.db.shards.get(0).name, 0);
  await db.set('users', 'after', 1);
  await t.throwsAsync(db.flush(), { code: 'KIMDB_CORRUPT' });
  // Its version is the shard's and one more.
  await t.throwsAsync(db.get('users', 'after'), { code: 'KIMDB_CORRUPT' });
  t.throws(() => db.close(), { code: 'KIMDB_CORRUPT' });
  t.true(errors.includes('KIMDB_CORRUPT'));
  t.true(readFileSync(paths.walPath).includes('after'), 'it is still in the log');
});

test('a log that is changed while it is open: no read gives an older value', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = new SimpleDB({ ...paths, ...manualFlush });
  db.on('error', () => {});
  await db.set('users', 'u1', 'older');
  await db.flush();
  await db.set('users', 'u1', 'newer');
  const image = readFileSync(paths.walPath);
  image[image.lastIndexOf('newer')] ^= 1;
  writeFileSync(paths.walPath, image, { flag: 'r+' });
  for (let i = 0; i < 3; i++) await t.throwsAsync(db.get('users', 'u1'), { code: 'KIMDB_CORRUPT' });
  t.throws(() => db.close(), { code: 'KIMDB_CORRUPT' });
});

test('a shard file that is removed while it is open fails the flush and keeps the log', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = openHyper(t, { ...paths, ...manualFlush, shardCount: 1 });
  db.on('error', () => {});
  db.write('users', 'u1', 'before');
  await db.flush();
  const shard = db.shards.get(0).name;
  renameSync(shard, `${shard}.away`);
  db.write('users', 'u1', 'after');
  await t.throwsAsync(db.flush(), { code: 'KIMDB_IO', message: /removed or replaced/ });
  renameSync(`${shard}.away`, shard);
  await db.flush();
  t.like(db.read('users', 'u1'), { data: 'after', _version: 2 });
});

test('many getAll at once share their thread', async (t) => {
  const db = openSimple(t);
  await db.set('users', 'u1', 1);
  const threads = () => Number(/Threads:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0);
  const before = threads();
  const all = Promise.all(Array.from({ length: 300 }, () => db.getAll('users')));
  t.true(threads() - before < 20, `${threads() - before} more threads`);
  for (const documents of await all) t.is(documents.length, 1);
});

test('setSync without a log syncs the shards for all that wait at once', async (t) => {
  const db = openSimple(t, { safeMode: false, walSize: 2 ** 20 });
  const results = await Promise.all(Array.from({ length: 5000 }, (_, i) => db.setSync('users', `u${i}`, i)));
  t.is(results.length, 5000);
  t.true(db.stats().flushes < 500, `${db.stats().flushes} flushes`);
  t.is(db.stats().bufferSize, 0);
});
