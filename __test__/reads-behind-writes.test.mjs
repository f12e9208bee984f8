// Reads behind so many writes that reader threads look for them: they give what reads at once give.

import process from 'node:process';
import test from 'ava';
import { openSimple } from './helpers/database.mjs';

const DOCUMENTS = 4000;
// Nothing is flushed by itself.
const UNFLUSHED = { flushInterval: 2 ** 31 - 1, bufferSize: 2 ** 31 - 1 };
const id = (i) => `id${i}`;
const document = (i) => ({ number: i, text: 'x'.repeat(200) });
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

async function openBehindWrites(t, options) {
  const db = openSimple(t, { ...UNFLUSHED, ...options });
  for (let i = 0; i < DOCUMENTS; i++) db.set('c', id(i), document(i));
  await db.set('c', id(1), document(-1));
  await db.delete('c', id(2));
  await nextTurn();
  return db;
}

/** Whether a promise leaves the thread to others first. Calls of other tests in the same turn would count too. */
function isLate(promise) {
  const others = new Promise((resolve) => process.nextTick(resolve, true));
  return Promise.race([promise.then(() => false), others]);
}

for (const safeMode of [true, false]) {
  test(`get finds what was written, safeMode: ${safeMode}`, async (t) => {
    const db = await openBehindWrites(t, { safeMode });
    const found = await Promise.all([0, 1, 2, DOCUMENTS - 1, DOCUMENTS].map((i) => db.get('c', id(i))));
    const buffered = { _buffered: true };
    t.deepEqual(found, [
      { id: id(0), data: document(0), _version: 1, ...buffered },
      { id: id(1), data: document(-1), _version: 2, ...buffered },
      null,
      { id: id(DOCUMENTS - 1), data: document(DOCUMENTS - 1), _version: 1, ...buffered },
      null,
    ]);
    t.deepEqual(await db.get('c', id(0)), found[0], 'and at once');
  });
}

test('getMany, getSync and getAll find it', async (t) => {
  const many = await openBehindWrites(t);
  const found = await many.getMany('c', [id(1), id(2), id(3)]);
  t.deepEqual(
    found.map((one) => one?.data),
    [document(-1), undefined, document(3)],
  );
  const flushed = await openBehindWrites(t);
  t.deepEqual((await flushed.getSync('c', id(1))).data, document(-1));
  const all = await openBehindWrites(t);
  t.is((await all.getAll('c', Number.POSITIVE_INFINITY)).length, DOCUMENTS - 1);
});

test('HyperScaleDB.read finds it at once', async (t) => {
  const { db } = await openBehindWrites(t);
  t.deepEqual(db.read('c', id(1)).data, document(-1));
});

test('what comes behind flushes in parts is found too', async (t) => {
  const db = await openBehindWrites(t);
  const flushed = db.flush();
  for (let i = 0; i < DOCUMENTS; i += 2) db.set('c', id(i), document(-i));
  await nextTurn();
  const found = await Promise.all([4, 5].map((i) => db.get('c', id(i))));
  t.deepEqual(
    found.map(({ data, _version }) => [data, _version]),
    [
      [document(-4), 2],
      [document(5), 1],
    ],
  );
  await flushed;
});

test.serial('the event loop goes on until it is found', async (t) => {
  const db = await openBehindWrites(t);
  t.true(await isLate(db.get('c', id(7))));
});

test.serial('what is behind few writes is found at once', async (t) => {
  const db = await openBehindWrites(t);
  await db.get('c', id(7));
  db.set('c', id(7), document(-7));
  t.false(await isLate(db.get('c', id(7))));
});

test('close answers a read that is under way', async (t) => {
  const db = await openBehindWrites(t);
  const found = db.get('c', id(7));
  db.close();
  t.deepEqual((await found).data, document(7));
});
