// Disks that are full or cannot be written, and file systems that promise less than a local disk.

import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SimpleDB } from 'kimdb/hyperscale';
import { runModule } from './helpers/child.mjs';
import { manualFlush, openSimple, pathsIn, until, useFolder } from './helpers/database.mjs';
import { mountFuse, mountMemory, mountReadOnly } from './helpers/mounts.mjs';

const MIB = 2 ** 20;
const small = { shardCount: 2, walSize: MIB, flushInterval: 5 };

/** Takes all the space that is left. */
function fill(folder) {
  const path = join(folder, 'ballast');
  const chunk = Buffer.alloc(4096, 1);
  for (;;) {
    try {
      writeFileSync(path, chunk, { flag: 'a' });
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
      return () => rmSync(path);
    }
  }
}

test('a disk too full for the log: opening says so, leaves nothing, and works once there is space', async (t) => {
  const folder = mountMemory(t, 3 * MIB);
  if (folder === undefined) return t.pass();
  const options = { ...pathsIn(folder), ...small };
  const free = fill(folder);
  t.throws(() => new SimpleDB(options), { code: 'KIMDB_DISK_FULL' });
  t.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.new') || name.endsWith('.wal')),
    [],
  );
  free();
  const db = openSimple(t, options);
  await db.set('users', 'u1', 1);
  await db.flush();
  t.is((await db.get('users', 'u1')).data, 1);
  return undefined;
});

test('a disk that is full while shards grow: nothing is lost, and it goes on by itself', async (t) => {
  const folder = mountMemory(t, 4 * MIB);
  if (folder === undefined) return t.pass();
  const options = { ...pathsIn(folder), ...small };
  const db = new SimpleDB(options);
  t.teardown(() => db.close());
  const errors = new Set();
  db.on('error', (error) => errors.add(error.code));
  await db.set('users', 'first', 1);
  await db.flush();
  const free = fill(folder);
  const text = 'x'.repeat(1000);
  const writes = [];
  for (let i = 0; i < 500; i++) writes.push(db.set('users', `u${i}`, { i, text }));
  await Promise.all(writes);
  await t.throwsAsync(db.flush(), { code: 'KIMDB_DISK_FULL' });
  t.deepEqual([...errors], ['KIMDB_DISK_FULL']);
  // Reads see what waits.
  t.is((await db.get('users', 'u499')).data.i, 499);
  free();
  await until(() => db.stats().bufferSize === 0);
  db.close();
  const again = openSimple(t, options);
  t.is((await again.getAll('users', Number.POSITIVE_INFINITY)).length, 501);
  for (let i = 0; i < 500; i++) t.like(await again.get('users', `u${i}`), { data: { i }, _version: 1 });
  return undefined;
});

test('a disk that is full when the log is: writes wait, and get through once there is space', async (t) => {
  const folder = mountMemory(t, 4 * MIB);
  if (folder === undefined) return t.pass();
  const db = openSimple(t, { ...pathsIn(folder), ...small });
  const errors = new Set();
  db.on('error', (error) => errors.add(error.code));
  const free = fill(folder);
  const text = 'x'.repeat(10_000);
  let settled = 0;
  const writes = Array.from({ length: 150 }, async (_, i) => {
    await db.set('users', `u${i}`, { i, text });
    settled++;
  });
  await until(() => errors.has('KIMDB_DISK_FULL'));
  t.true(settled < 150, `${settled} of 150 found room in the log`);
  free();
  await Promise.all(writes);
  t.is((await db.getAll('users', 1000)).length, 150);
  return undefined;
});

test('a document too large for the log, on a full disk: it fails alone', async (t) => {
  const folder = mountMemory(t, 4 * MIB);
  if (folder === undefined) return t.pass();
  const db = openSimple(t, { ...pathsIn(folder), ...small });
  db.on('error', () => {});
  await db.set('users', 'before', 1);
  await db.flush();
  const free = fill(folder);
  await t.throwsAsync(db.set('users', 'large', 'x'.repeat(MIB)), { code: 'KIMDB_DISK_FULL' });
  await db.set('users', 'after', 2);
  t.is(await db.get('users', 'large'), null);
  free();
  await db.set('users', 'large', 'x'.repeat(MIB));
  await db.flush();
  t.is((await db.get('users', 'large')).data.length, MIB);
  t.is((await db.get('users', 'after')).data, 2);
  return undefined;
});

test('a folder that cannot be written: opening says so', async (t) => {
  const folder = useFolder(t);
  openSimple(t, { ...pathsIn(folder), ...small }).close();
  const readOnly = mountReadOnly(t, folder);
  if (readOnly === undefined) return t.pass();
  t.throws(() => new SimpleDB({ ...pathsIn(readOnly), ...small }), { code: 'KIMDB_IO' });
  t.throws(() => new SimpleDB({ ...pathsIn(readOnly, 'other'), ...small }), { code: 'KIMDB_IO' });
  // Where it can be written it still works.
  const db = openSimple(t, { ...pathsIn(folder), ...small });
  await db.set('users', 'u1', 1);
  t.is((await db.get('users', 'u1')).data, 1);
  return undefined;
});

test('a file system outside the kernel: one warning, and the log is written by calls', async (t) => {
  const folder = mountFuse(t);
  if (folder === undefined) return t.pass();
  const source = `
    import { SimpleDB } from 'kimdb';
    import { readFileSync } from 'node:fs';
    process.on('warning', (w) => console.log(w.code + ' ' + w.message));
    const options = ${JSON.stringify({ ...pathsIn(folder), ...small })};
    for (let round = 0; round < 2; round++) {
      const db = new SimpleDB(options);
      for (let i = 0; i < 5000; i++) await db.set('users', 'u' + i, { i });
      await db.setSync('users', 'last', round);
      console.log(readFileSync('/proc/self/maps', 'utf8').includes(options.walPath));
      console.log((await db.getAll('users', 10000)).length);
      db.close();
    }`;
  const { code, lines, stderr } = await runModule(t, useFolder(t), source);
  t.is(code, 0, stderr);
  const warnings = lines.filter((line) => line.startsWith('KIMDB_'));
  t.is(warnings.length, 1);
  t.regex(warnings[0], /^KIMDB_FILE_SYSTEM .* is on FUSE, /);
  t.deepEqual(
    lines.filter((line) => !line.startsWith('KIMDB_')),
    ['false', '5001', 'false', '5001'],
  );
  return undefined;
});

test('a local disk: no warning', async (t) => {
  const source = `
    import { SimpleDB } from 'kimdb';
    process.on('warning', (w) => console.log(w.code));
    const db = new SimpleDB(${JSON.stringify(pathsIn(useFolder(t)))});
    await db.set('users', 'u1', 1);
    db.close();`;
  const { code, stdout, stderr } = await runModule(t, useFolder(t), source);
  t.is(code, 0, stderr);
  t.is(stdout, '');
});

test('the log has real blocks under every byte', (t) => {
  const paths = pathsIn(useFolder(t));
  openSimple(t, { ...paths, ...manualFlush, walSize: 8 * MIB });
  const { blocks, size } = statSync(paths.walPath);
  t.true(blocks * 512 >= size, `${blocks} blocks for ${size} bytes`);
});
