// Documents that are read again and again come from a cache of JavaScript values. Nobody may notice, but by the speed.

import { Worker } from 'node:worker_threads';
import test from 'ava';
import fc from 'fast-check';
import { manualFlush, openHyper, openSimple, pathsIn, until, useFolder } from './helpers/database.mjs';

/** Reads until the document comes from JavaScript's own cache: the first read fills the engine's, the second this one. */
async function readOften(db, collection, id) {
  await db.flush();
  for (let i = 0; i < 3; i++) await db.get(collection, id);
}

const DATA = { name: 'Kim', address: { city: '서울', lines: ['a', { b: [1, 2] }] }, none: null, on: true };

test('documents that are read again are kept as values', async (t) => {
  const db = openSimple(t);
  await db.set('users', 'u1', DATA);
  await db.flush();
  await db.get('users', 'u1');
  const before = db.stats().cacheBytes;
  t.deepEqual(await db.get('users', 'u1'), { id: 'u1', data: DATA, _version: 1 });
  t.true(db.stats().cacheBytes > before, 'the second read keeps the value');
  const { cacheHits, cacheMisses } = db.stats();
  t.deepEqual(await db.get('users', 'u1'), { id: 'u1', data: DATA, _version: 1 });
  t.like(db.stats(), { cacheHits: cacheHits + 1, cacheMisses });
});

test('a read that waited for room in the log keeps nothing that a later write is about to change', async (t) => {
  const db = openSimple(t, { ...manualFlush, walSize: 2 ** 20 });
  const large = 'x'.repeat(300_000);
  for (let i = 0; i < 10; i++) {
    const id = `u${i}`;
    await db.set('users', id, 'old');
    await db.flush();
    t.is((await db.get('users', id)).data, 'old', 'the engine has it in memory');
    // A value larger than a quarter of the log makes what comes after it wait: the read, then the write.
    const writes = [db.set('files', 'f1', large)];
    const read = db.get('users', id);
    writes.push(db.set('files', 'f2', large), db.set('users', id, 'new'));
    t.regex((await read).data, /^(old|new)$/);
    await Promise.all(writes);
    t.like(await db.get('users', id), { data: 'new', _version: 2 });
  }
});

test('_buffered is there until the shard has the document, whoever asked for the flush', async (t) => {
  const flushes = {
    flush: (db) => db.flush(),
    flushSync: (db) => db.flushSync(),
    bufferSize: async (db) => {
      const flushed = new Promise((resolve) => db.once('flush', resolve));
      for (let i = 0; i < 100; i++) db.set('others', `o${i}`, i);
      await flushed;
    },
  };
  for (const [name, flush] of Object.entries(flushes)) {
    const db = openSimple(t, { ...manualFlush, bufferSize: 100 });
    for (let version = 1; version <= 3; version++) {
      await db.set('users', 'u1', DATA);
      for (let i = 0; i < 3; i++) {
        t.deepEqual(await db.get('users', 'u1'), {
          id: 'u1',
          data: DATA,
          _version: version,
          _buffered: true,
        });
      }
      await flush(db);
      // One flush may have begun before the last of the writes.
      if (name === 'bufferSize') await until(() => !db.db.read('users', 'u1')._buffered);
      for (let i = 0; i < 3; i++) {
        t.deepEqual(await db.get('users', 'u1'), { id: 'u1', data: DATA, _version: version }, name);
      }
    }
  }
});

test('each read gives values of its own, however deep', async (t) => {
  const db = openSimple(t);
  await db.set('users', 'u1', DATA);
  await readOften(db, 'users', 'u1');
  for (let i = 0; i < 3; i++) {
    const { data } = await db.get('users', 'u1');
    t.deepEqual(data, DATA);
    data.name = 'changed';
    data.address.city = 'changed';
    data.address.lines[1].b.push(3);
    data.address.lines.length = 0;
    delete data.on;
  }
});

test('what a copy gives is what JSON.parse gives', async (t) => {
  const db = openSimple(t, { cacheBytes: 2 ** 28 });
  const property = fc.asyncProperty(fc.json(), async (text) => {
    const wanted = JSON.parse(text);
    await db.set('values', 'v', wanted);
    await readOften(db, 'values', 'v');
    const { data } = await db.get('values', 'v');
    t.is(JSON.stringify(data), JSON.stringify(JSON.parse(JSON.stringify(wanted))));
    t.deepEqual(data, JSON.parse(JSON.stringify(wanted)));
  });
  await fc.assert(property, { numRuns: 300 });
});

test('a member called __proto__ stays a member', async (t) => {
  const db = openSimple(t);
  const text = '{"__proto__":{"isAdmin":true},"a":{"__proto__":[1]},"constructor":{"x":1}}';
  await db.set('values', 'v', JSON.parse(text));
  await readOften(db, 'values', 'v');
  const { data } = await db.get('values', 'v');
  t.is(JSON.stringify(data), text);
  t.is(Object.getPrototypeOf(data), Object.prototype);
  t.is(data.isAdmin, undefined);
});

test('a document of a thousand levels is read as often as one likes', async (t) => {
  const db = openSimple(t);
  let deep = {};
  for (let i = 0; i < 1000; i++) deep = i % 2 ? { deep } : [deep];
  await db.set('values', 'v', deep);
  await readOften(db, 'values', 'v');
  t.is(JSON.stringify((await db.get('values', 'v')).data), JSON.stringify(deep));
});

test('a document with hundreds of members, or numbers for names, takes no place, and has one when it has few', async (t) => {
  const db = openSimple(t);
  const membersOf = (count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`member${i}`, i]));
  const few = membersOf(100);
  const documents = {
    wide: [membersOf(300), false],
    inner: [{ inner: [membersOf(300)] }, false],
    numbered: [{ counts: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [100 + i, i])) }, false],
    few: [few, true],
    numbers: [{ numbers: Array.from({ length: 300 }, (_, i) => i) }, true],
  };
  for (const [id, [data, isKept]] of Object.entries(documents)) {
    await db.set('values', id, data);
    await db.flush();
    await db.get('values', id);
    const { cacheBytes } = db.stats();
    for (let i = 0; i < 3; i++) t.deepEqual((await db.get('values', id)).data, data);
    t.is(db.stats().cacheBytes - cacheBytes > JSON.stringify(data).length, isKept, id);
  }
  await db.set('values', 'wide', few);
  await db.flush();
  const { cacheBytes } = db.stats();
  for (let i = 0; i < 3; i++) t.deepEqual((await db.get('values', 'wide')).data, few);
  t.true(db.stats().cacheBytes - cacheBytes > JSON.stringify(few).length);
});

const WRITES = {
  set: (db) => db.set('users', 'u1', { n: 2 }),
  setSync: (db) => db.setSync('users', 'u1', { n: 2 }),
  setMany: (db) => db.setMany('users', [['u1', { n: 2 }]]),
  write: (db) => db.db.write('users', 'u1', { n: 2 }),
  writeSync: (db) => db.db.writeSync('users', 'u1', { n: 2 }),
  writeBatch: (db) => db.db.writeBatch('users', [{ id: 'u1', data: { n: 2 } }]),
  delete: (db) => db.delete('users', 'u1'),
  deleteMany: (db) => db.deleteMany('users', ['u1']),
  'write, delete': (db) => db.db.write('users', 'u1', null, 'delete'),
};

for (const [name, write] of Object.entries(WRITES)) {
  test(`a read sees ${name} at once, also one that was not awaited`, async (t) => {
    const db = openSimple(t);
    const expected = name.includes('elete') ? null : { n: 2 };
    for (const isAwaited of [true, false]) {
      await db.delete('users', 'u1');
      await db.set('users', 'u1', { n: 1 });
      await readOften(db, 'users', 'u1');
      t.deepEqual((await db.get('users', 'u1')).data, { n: 1 });
      const written = write(db);
      if (isAwaited) await written;
      t.deepEqual((await db.get('users', 'u1'))?.data ?? null, expected);
      t.deepEqual(db.db.read('users', 'u1')?.data ?? null, expected);
      await written;
      await readOften(db, 'users', 'u1');
      t.deepEqual((await db.get('users', 'u1'))?.data ?? null, expected);
      t.is((await db.get('users', 'u1'))?._version ?? 2, 2);
    }
  });
}

test('another instance’s writes are seen at once, also after it has left', async (t) => {
  const options = pathsIn(useFolder(t));
  const db = openSimple(t, options);
  await db.set('users', 'u1', 1);
  await readOften(db, 'users', 'u1');
  for (let n = 2; n < 6; n++) {
    const other = openHyper(t, options);
    other.write('users', 'u1', n);
    t.like(await db.get('users', 'u1'), { data: n, _version: n });
    await readOften(db, 'users', 'u1');
    t.like(other.read('users', 'u1'), { data: n, _version: n });
    other.close();
    t.like(await db.get('users', 'u1'), { data: n, _version: n });
    await readOften(db, 'users', 'u1');
    t.like(await db.get('users', 'u1'), { data: n, _version: n });
  }
});

test('a worker’s writes are seen as soon as it has told of them', async (t) => {
  const options = pathsIn(useFolder(t));
  const db = openSimple(t, options);
  await db.set('users', 'u1', 0);
  await readOften(db, 'users', 'u1');
  const worker = new Worker(new URL('./programs/count-up.mjs', import.meta.url), { workerData: { options } });
  t.teardown(() => worker.terminate());
  const ended = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
  const seen = [];
  worker.on('message', (n) => {
    seen.push([n, db.db.read('users', 'u1').data]);
    worker.postMessage('next');
  });
  t.is(await ended, 0);
  t.is(seen.length, 100);
  for (const [told, read] of seen) t.is(read, told);
  await readOften(db, 'users', 'u1');
  t.like(await db.get('users', 'u1'), { data: 100, _version: 101 });
});

test('the values stay within a quarter of cacheBytes', async (t) => {
  const cacheBytes = 2 ** 20;
  const db = openSimple(t, { cacheBytes });
  const text = 'x'.repeat(300);
  const entries = Array.from({ length: 5000 }, (_, i) => [`u${i}`, { i, text }]);
  await db.setMany('users', entries);
  await db.flush();
  for (let round = 0; round < 6; round++) {
    for (const [id, data] of entries) t.deepEqual((await db.get('users', id)).data, data);
    t.true(db.stats().cacheBytes <= cacheBytes * 1.25);
  }
  await db.set('users', 'large', { text: 'y'.repeat(cacheBytes / 100) });
  await readOften(db, 'users', 'large');
  t.is((await db.get('users', 'large')).data.text.length, Math.floor(cacheBytes / 100));
});

test('a document that is read by getSync again and again counts once', async (t) => {
  const db = openSimple(t);
  await db.set('users', 'u1', DATA);
  for (let i = 0; i < 3; i++) await db.getSync('users', 'u1');
  const { cacheBytes } = db.stats();
  for (let i = 0; i < 10; i++) await db.getSync('users', 'u1');
  t.is(db.stats().cacheBytes, cacheBytes);
  await db.delete('users', 'u1');
  await db.flush();
  t.is(db.stats().cacheBytes, 0);
});

test('getMany gives kept documents, each time values of its own, and what was written since', async (t) => {
  const db = openSimple(t);
  const ids = ['u1', 'u2', 'u3'];
  await db.setMany(
    'users',
    ids.map((id) => [id, DATA]),
  );
  for (const id of ids) await readOften(db, 'users', id);
  const { cacheHits, cacheMisses } = db.stats();
  const all = ids.map((id) => ({ id, data: DATA, _version: 1 }));
  for (let i = 0; i < 2; i++) {
    const found = await db.getMany('users', ids);
    t.deepEqual(found, all);
    for (const { data } of found) data.address.lines[1].b.push(3);
  }
  t.like(db.stats(), { cacheHits: cacheHits + 6, cacheMisses });
  await db.set('users', 'u2', 1);
  t.deepEqual(
    (await db.getMany('users', [...ids, 'nobody'])).map((document) => document?.data ?? null),
    [DATA, 1, DATA, null],
  );
  await db.delete('users', 'u1');
  t.deepEqual((await db.getMany('users', ids))[0], null);
});

test('what was not read for a while is forgotten by a write too', async (t) => {
  // Not quite forty of these documents fill half of it.
  const db = openSimple(t, { cacheBytes: 2 ** 16 });
  const ids = Array.from({ length: 60 }, (_, i) => `u${i}`);
  for (const n of [1, 2]) {
    await db.setMany(
      'users',
      ids.map((id) => [id, n]),
    );
    await db.flush();
    for (const id of ids) for (let i = 0; i < 3; i++) t.is((await db.get('users', id)).data, n);
  }
});

test('reads that seldom find their document as a value give the newest all the same, and so do those after them', async (t) => {
  // Some hundred of these documents fit, and they are read in turn, so that each was pushed out when it is asked for again.
  const db = openSimple(t, { cacheBytes: 2 ** 18 });
  const ids = Array.from({ length: 3000 }, (_, i) => `u${i}`);
  const write = (some, data) =>
    db.setMany(
      'users',
      some.map((id) => [id, data]),
    );
  const expectAll = async (some, data, rounds) => {
    for (let round = 0; round < rounds; round++) {
      for (const id of some) t.is((await db.get('users', id)).data, data);
    }
  };
  await write(ids, 1);
  await db.flush();
  await expectAll(ids, 1, 4);
  await write(ids, 2);
  await expectAll(ids, 2, 1);
  await db.flush();
  await expectAll(ids, 2, 7);
  const few = ids.slice(0, 20);
  await expectAll(few, 2, 1000);
  await write(few, 3);
  await expectAll(few, 3, 1);
  await db.flush();
  await expectAll(few, 3, 1000);
});

test('readCache.clear() and cacheBytes: 0 keep nothing', async (t) => {
  const db = openSimple(t);
  await db.set('users', 'u1', DATA);
  await readOften(db, 'users', 'u1');
  db.db.readCache.clear();
  t.is(db.stats().cacheBytes, 0);
  const { cacheMisses } = db.stats();
  await db.get('users', 'u1');
  t.is(db.stats().cacheMisses, cacheMisses + 1);

  const without = openSimple(t, { cacheBytes: 0 });
  await without.set('users', 'u1', DATA);
  await readOften(without, 'users', 'u1');
  t.like(without.stats(), { cacheBytes: 0, cacheMisses: 3 });
});

test('a closed database refuses reads of what was kept', async (t) => {
  const db = openSimple(t);
  await db.set('users', 'u1', DATA);
  await readOften(db, 'users', 'u1');
  db.close();
  await t.throwsAsync(db.get('users', 'u1'), { code: 'KIMDB_CLOSED' });
});
