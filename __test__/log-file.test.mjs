// The log's file: written in two ways, changed from outside while it is in use, and damaged while it is not.

import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SimpleDB } from 'kimdb/hyperscale';
import { filesIn, manualFlush, openSimple, pathsIn, until, useFolder } from './helpers/database.mjs';

const MIB = 2 ** 20;

for (const walBackend of ['mmap', 'pwrite']) {
  test(`${walBackend}: more than the log holds is written, read and recovered`, async (t) => {
    const paths = pathsIn(useFolder(t));
    const options = { ...paths, walBackend, walSize: MIB, flushInterval: 5 };
    const db = new SimpleDB(options);
    t.is(db.db.config.walBackend, walBackend);
    const writes = [];
    for (let i = 0; i < 3000; i++) writes.push(db.set('users', `u${i}`, { i, text: 'x'.repeat(1000) }));
    t.is((await db.get('users', 'u2999')).data.i, 2999);
    await Promise.all(writes);
    await db.setSync('users', 'large', 'x'.repeat(MIB));
    const mapped = readFileSync('/proc/self/maps', 'utf8').includes(paths.walPath);
    t.is(mapped, walBackend === 'mmap');
    db.close();
    // Both read what the other left.
    const other = openSimple(t, { ...options, walBackend: walBackend === 'mmap' ? 'pwrite' : 'mmap' });
    t.is((await other.getAll('users', 10_000)).length, 3001);
  });

  test(`${walBackend}: a log whose end is cut off while it is in use gets another file`, async (t) => {
    const paths = pathsIn(useFolder(t));
    const options = { ...paths, ...manualFlush, walBackend, walSize: MIB };
    const db = new SimpleDB(options);
    t.teardown(() => db.close());
    const errors = [];
    db.on('error', (error) => errors.push(error));
    for (let i = 0; i < 100; i++) await db.set('users', `u${i}`, { i });
    const { ino } = statSync(paths.walPath);
    // Behind everything that is in it: nothing is lost, but what comes next would be.
    truncateSync(paths.walPath, MIB / 2);
    await db.setSync('users', 'after', 1);
    await until(() => errors.length > 0);
    t.is(errors[0].code, 'KIMDB_IO');
    t.regex(errors[0].message, /its end was cut off/);
    t.not(statSync(paths.walPath).ino, ino);
    t.is(statSync(paths.walPath).size, MIB + 8192);
    for (let i = 0; i < 1000; i++) await db.set('users', `v${i}`, { i });
    await db.flush();
    t.is((await db.getAll('users', 10_000)).length, 1101);
    t.is(errors.length, 1);
  });
}

test('a log that is cut off where its writes are: an error, no crash, the rest is kept', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = new SimpleDB({ ...paths, ...manualFlush, walSize: 4 * MIB });
  const errors = [];
  db.on('error', (error) => errors.push(error.code));
  const text = 'x'.repeat(10_000);
  for (let i = 0; i < 100; i++) await db.set('users', `u${i}`, { i, text });
  await db.flush();
  // The log is not given back yet, so these lie behind those.
  for (let i = 0; i < 100; i++) await db.set('users', `u${i}`, { i, again: true, text });
  // A page stays where the next record goes.
  truncateSync(paths.walPath, 8192 + 1_500_000);
  truncateSync(paths.walPath, 8192 + 4 * MIB);
  await t.throwsAsync(db.flush(), { code: 'KIMDB_CORRUPT' });
  await t.throwsAsync(db.set('users', 'more', 1), { code: 'KIMDB_CORRUPT' });
  t.throws(() => db.close(), { code: 'KIMDB_CORRUPT' });
  t.true(errors.includes('KIMDB_CORRUPT'));
  const again = openSimple(t, { ...paths, logger: false });
  for (let i = 0; i < 100; i++) t.is((await again.get('users', `u${i}`)).data.i, i);
  t.true((await again.get('users', 'u0')).data.again);
});

test('a log that is removed while it is in use is made anew', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = openSimple(t, { ...paths, ...manualFlush });
  const errors = [];
  db.on('error', (error) => errors.push(error.code));
  await db.set('users', 'u1', 1);
  rmSync(paths.walPath);
  await db.setSync('users', 'u2', 2);
  t.true(existsSync(paths.walPath));
  await until(() => errors.length > 0);
  t.deepEqual(errors, ['KIMDB_IO']);
  // What another opening would recover now holds both.
  const image = join(useFolder(t), 'copy.wal');
  writeFileSync(image, readFileSync(paths.walPath));
  t.true(readFileSync(image).includes('u1') && readFileSync(image).includes('u2'));
});

test('damage in the synced part of a log is one error event and a file kept aside', async (t) => {
  const folder = useFolder(t);
  const paths = pathsIn(folder);
  const options = { ...paths, ...manualFlush, shardCount: 2, walSize: MIB };
  const killed = useFolder(t);
  const db = new SimpleDB(options);
  for (let i = 0; i < 100; i++) await db.setSync('users', `u${i}`, { marker: `number ${i}.` });
  // Each was synced, and a moment later the header tells so.
  const isNoted = (log) =>
    [0, 4096].some((copy) => 8192n + log.readBigUInt64LE(copy + 80) > BigInt(log.indexOf('number 99.')));
  await until(() => isNoted(readFileSync(paths.walPath)));
  // As a kill would leave it.
  for (const name of filesIn(folder)) {
    if (!name.endsWith('.lock')) writeFileSync(join(killed, name), readFileSync(join(folder, name)));
  }
  db.close();
  const there = pathsIn(killed);
  const image = readFileSync(there.walPath);
  image[image.indexOf('number 50.')] ^= 1;
  writeFileSync(there.walPath, image);

  const open = () => {
    const again = openSimple(t, { ...options, ...there, logger: false });
    const errors = [];
    again.on('error', (error) => errors.push(error));
    return { again, errors };
  };
  const { again, errors } = open();
  for (let i = 0; i < 100; i++) {
    const found = await again.get('users', `u${i}`);
    if (i === 50) t.is(found, null);
    else t.is(found.data.marker, `number ${i}.`);
  }
  await until(() => errors.length > 0);
  t.is(errors[0].code, 'KIMDB_CORRUPT');
  t.is(errors[0].path, there.walPath);
  t.regex(errors[0].message, /writes are lost there.*Everything else was recovered.*corrupt-1/);
  t.true(again.stats().damagedBytes > 0);
  t.deepEqual(readFileSync(`${there.walPath}.corrupt-1`), image);
  again.close();
  t.is(errors.length, 1);

  const second = open();
  t.is(second.again.stats().damagedBytes, 0);
  await second.again.flush();
  t.deepEqual(second.errors, []);
});
