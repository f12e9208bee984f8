// The log's file: written in two ways, changed from outside while it is in use, and damaged while it is not.

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SimpleDB } from 'kimdb/hyperscale';
import { startProgram } from './helpers/child.mjs';
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

/** Leaves a log of another database with one acknowledged write, of a process that was killed. */
async function killedIn(t, folder) {
  const paths = pathsIn(folder);
  const holder = startProgram(t, 'hold.mjs', paths);
  t.is(await holder.nextLine(), 'open');
  holder.kill();
  await holder.ended;
  return paths;
}

test('the log of another database that is put in the place of one in use is not overwritten', async (t) => {
  const [folder, place] = [useFolder(t), join(useFolder(t), 'current')];
  const theirs = await killedIn(t, useFolder(t));
  symlinkSync(folder, place);
  const options = { ...pathsIn(folder), walPath: join(place, 'test.wal'), ...manualFlush, walSize: MIB };
  const db = new SimpleDB(options);
  t.teardown(() => db.close());
  db.on('error', () => {});
  await db.setSync('users', 'u1', 1);
  // As a deployment does it: the link leads elsewhere now.
  symlinkSync(join(theirs.walPath, '..'), `${place}.new`);
  renameSync(`${place}.new`, place);
  await t.throwsAsync(db.setSync('users', 'u2', 2), { code: 'KIMDB_IO' });
  await t.throwsAsync(db.setSync('users', 'large', 'x'.repeat(MIB)), { code: 'KIMDB_IO' });
  const other = openSimple(t, { ...theirs, logger: false });
  t.is((await other.get('users', 'held'))?.data, 1, 'it is theirs, and whole');
  other.close();
  symlinkSync(folder, `${place}.new`);
  renameSync(`${place}.new`, place);
  await until(() => db.stats().state === 'ok');
  await db.setSync('users', 'u3', 3);
  await db.flush();
  t.is((await db.get('users', 'u3')).data, 3);
});

test('what lies beside a log of another database is not overwritten by what is too large for the log', async (t) => {
  const [folder, theirs, place] = [useFolder(t), useFolder(t), join(useFolder(t), 'current')];
  symlinkSync(folder, place);
  const db = openSimple(t, {
    ...pathsIn(folder),
    walPath: join(place, 'test.wal'),
    ...manualFlush,
    walSize: MIB,
  });
  db.on('error', () => {});
  openSimple(t, pathsIn(theirs)).close();
  writeFileSync(join(theirs, 'test.wal.large'), 'theirs');
  symlinkSync(theirs, `${place}.new`);
  renameSync(`${place}.new`, place);
  await t.throwsAsync(db.set('users', 'large', 'x'.repeat(MIB)), { code: 'KIMDB_IO' });
  t.is(readFileSync(join(theirs, 'test.wal.large'), 'utf8'), 'theirs');
});

test('a process whose log was removed takes no name from one that came after', async (t) => {
  const paths = pathsIn(useFolder(t));
  const first = openSimple(t, paths);
  first.on('error', () => {});
  await first.setSync('users', 'u1', 1);
  await first.flush();
  rmSync(paths.walPath);
  await killedIn(t, join(paths.walPath, '..'));
  await t.throwsAsync(first.setSync('users', 'u2', 2), { code: 'KIMDB_IO' });
  first.close();
  const next = openSimple(t, { ...paths, logger: false });
  t.is((await next.get('users', 'held'))?.data, 1, 'what the other one had acknowledged');
});

test('the end of a process whose numbered log was removed takes no log from one that came after', async (t) => {
  const folder = useFolder(t);
  const paths = pathsIn(folder);
  const first = startProgram(t, 'hold.mjs', paths);
  t.is(await first.nextLine(), 'open');
  const second = openSimple(t, { ...paths, ...manualFlush });
  t.is(second.db.config.walPath, `${paths.walPath}.1`);
  rmSync(`${paths.walPath}.1`);
  const third = startProgram(t, 'hold.mjs', paths);
  t.is(await third.nextLine(), 'open');
  t.true(existsSync(`${paths.walPath}.1`));
  second.close();
  third.kill();
  await third.ended;
  t.true(existsSync(`${paths.walPath}.1`), 'it holds what was acknowledged');
});

test('what a process left that was killed while it made a numbered log is removed', async (t) => {
  const folder = useFolder(t);
  const paths = pathsIn(folder);
  openSimple(t, paths).close();
  // As it is called: the database's name begins with these bytes.
  const name = readFileSync(paths.walPath).subarray(24, 28).toString('hex');
  cpSync(paths.walPath, `${paths.walPath}.2.${name}.new`);
  cpSync(paths.walPath, `${paths.walPath}.2.00000000.new`);
  openSimple(t, paths).close();
  t.false(existsSync(`${paths.walPath}.2.${name}.new`));
  t.true(existsSync(`${paths.walPath}.2.00000000.new`), "another database's");
});

for (const [what, replace] of [
  ['a copy of itself', (place) => cpSync(place, `${place}.new`)],
  ['an empty file', (place) => writeFileSync(`${place}.new`, '')],
]) {
  test(`a log that is replaced by ${what} while it is open is made anew`, async (t) => {
    t.timeout(20_000);
    const { walPath, ...paths } = pathsIn(useFolder(t));
    // A process of its own: one that stands still cannot end.
    const program = `
      import { cpSync, renameSync, writeFileSync } from 'node:fs';
      import { SimpleDB } from 'kimdb/hyperscale';
      const walPath = ${JSON.stringify(walPath)};
      const db = new SimpleDB({ ...${JSON.stringify(paths)}, walPath, walSize: ${MIB}, logger: false });
      db.on('error', () => {});
      await db.set('users', 'u1', 1);
      (${replace})(walPath);
      renameSync(walPath + '.new', walPath);
      while (!(await db.setSync('users', 'u2', 2).catch(() => undefined))) await new Promise((go) => setTimeout(go, 50));
      db.close();`;
    const { signal, status, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', program],
      {
        encoding: 'utf8',
        timeout: 15_000,
      },
    );
    t.is(signal ?? status, 0, stderr);
    const again = openSimple(t, { ...paths, walPath, walSize: MIB, logger: false });
    t.is((await again.getAll('users')).length, 2);
  });
}
