// Whole collections, larger than one text of JSON.

import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { openSimple } from './helpers/database.mjs';

const COUNT = 5000;
const TEXT_BYTES = 2 ** 20;
const documentOf = (i) => ({ i, text: 'x'.repeat(600) });

async function fillAndOpen(t) {
  const db = openSimple(t, { logger: false });
  await db.setMany(
    'many',
    Array.from({ length: COUNT }, (_, i) => [`id${i}`, documentOf(i)]),
  );
  return db;
}

test.serial('the event loop turns between parts of a large collection', async (t) => {
  const db = await fillAndOpen(t);
  let turn = 0;
  let goesOn = true;
  const turning = (async () => {
    for (; goesOn; turn++) await setImmediate();
  })();
  const { parse } = JSON;
  const turns = [];
  JSON.parse = (text) => {
    t.true(text.length < 2 * TEXT_BYTES);
    turns.push(turn);
    return parse(text);
  };
  t.teardown(() => {
    JSON.parse = parse;
  });
  const all = await db.getAll('many', Number.POSITIVE_INFINITY);
  goesOn = false;
  await turning;
  t.is(all.length, COUNT);
  t.true(turns.length >= 3, `${turns.length} texts`);
  t.is(new Set(turns).size, turns.length, `in the turns ${turns}`);
});

test('all documents, and some', async (t) => {
  const db = await fillAndOpen(t);
  const all = await db.getAll('many', Number.POSITIVE_INFINITY);
  t.deepEqual(
    all.map(({ data }) => data.i).sort((a, b) => a - b),
    [...Array(COUNT).keys()],
  );
  const idsOf = (documents) => documents.map(({ id }) => id);
  for (const limit of [1, 2500, COUNT - 1, COUNT, COUNT + 1, Number.MAX_SAFE_INTEGER]) {
    t.deepEqual(idsOf(await db.getAll('many', limit)), idsOf(all).slice(0, limit), `limit ${limit}`);
  }
});
