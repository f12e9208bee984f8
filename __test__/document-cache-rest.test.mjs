// The cache of JavaScript values rests while looking into it is not worth it. Only the speed of reads shows that from outside,
// so this asks the cache itself.

import test from 'ava';
import lib from '../lib/document-cache.js';

const { DocumentCache } = lib;
const [CACHED, EPOCH] = [2, 3];
const NUMBER = 1;
const TEXT = '{"some":"text"}';
const LIMIT = 2 ** 18;
/** Reads after which is judged, and the longest rest. */
const ROUND = 1024;
const LONGEST = 7 * ROUND;

function openCache(limit = LIMIT) {
  const registers = new Float64Array(EPOCH + 1);
  registers[CACHED] = 1;
  const cache = new DocumentCache(registers, limit);
  const find = (id) => cache.find(NUMBER, id);
  const offer = (id) => cache.offer(NUMBER, id, TEXT, JSON.parse(TEXT));
  const read = (id) => find(id) ?? offer(id);
  let cold = 0;
  const readCold = (count) => {
    for (let i = 0; i < count; i++) read(`cold ${cold++}`);
  };
  /** Reads until the document is found; how many reads that took, or undefined after so many. */
  const readUntilFound = (id, most) => {
    for (let reads = 1; reads <= most; reads++) if (find(id)) return reads;
    return undefined;
  };
  /** Of some that are offered, some are taken, unless it rests. */
  const isResting = () => {
    const { bytes } = cache;
    readCold(8);
    return cache.bytes === bytes;
  };
  /** Reads of a document that is found each time. */
  const readWarm = (count) => {
    for (let i = 0; i < count; i++) read('warm');
  };
  return { cache, registers, find, offer, read, readCold, readWarm, readUntilFound, isResting };
}

/** A cache that was full and rests, with `kept` in it. */
function openResting(t) {
  const opened = openCache();
  const { cache, offer, find, readCold, isResting } = opened;
  readCold(20 * ROUND);
  for (let i = 0; i < LONGEST && (!find('kept') || isResting()); i++) {
    // It takes only some of what is offered, by turns.
    offer('kept');
    readCold(2);
  }
  for (let i = 0; i < 2 * ROUND && find('kept'); i++) readCold(50);
  t.true(isResting());
  t.true(cache.bytes > LIMIT / 4, 'it is nearly full');
  return opened;
}

test('it rests while hardly anything is found, keeps what it has, and finds that again afterwards', (t) => {
  const { cache, offer, find, readUntilFound } = openResting(t);
  const { bytes } = cache;
  t.is(find('kept'), undefined);
  t.deepEqual(offer('kept'), JSON.parse(TEXT));
  t.is(cache.bytes, bytes, 'nothing comes in');
  t.true(readUntilFound('kept', LONGEST) > 100);
  t.deepEqual(find('kept'), { id: 'kept', data: JSON.parse(TEXT), _version: 0 });
});

test('what is forgotten while it rests is not found afterwards', (t) => {
  const { cache, readUntilFound } = openResting(t);
  cache.forget(NUMBER, 'kept');
  t.is(readUntilFound('kept', LONGEST + ROUND), undefined);
});

test('what is there while it rests is not found once others have had the database', (t) => {
  const { registers, find, readUntilFound } = openResting(t);
  registers[EPOCH] = Number.NaN;
  t.is(find('kept'), undefined);
  registers[EPOCH] = 1;
  t.is(readUntilFound('kept', LONGEST + ROUND), undefined);
});

test('clearing it ends the rest', (t) => {
  const { cache, offer, find } = openResting(t);
  cache.clear();
  offer('kept');
  t.truthy(find('kept'));
});

test('a cache that is in use rests for a round at most after some reads in vain', (t) => {
  const { readCold, readWarm, readUntilFound, isResting } = openCache();
  readCold(4 * ROUND);
  for (let times = 0; times < 5; times++) {
    readWarm(20 * ROUND);
    t.false(isResting());
    // Two rounds, since one may have begun with what is found.
    for (let i = 0; i < 2 * ROUND && !isResting(); i += 8);
    t.true(isResting());
    // Unless it was pushed out: then it is read into the cache again.
    const reads = readUntilFound('warm', LONGEST);
    if (reads !== undefined) t.true(reads <= ROUND + 1, `${reads}`);
  }
  readWarm(2 * ROUND);
  t.is(readUntilFound('warm', 1), 1);
});

test('the longer nothing is found, the longer it rests', (t) => {
  const { cache, read } = openCache();
  // Nothing comes in while it rests, and one in four does else.
  const rests = [];
  for (let [i, resting, bytes] = [0, 0, 0]; rests.length < 5 && i < 100 * ROUND; i++) {
    read(`cold ${i}`);
    if (cache.bytes === bytes) {
      resting += 1;
    } else {
      if (resting > ROUND / 2) rests.push(Math.round(resting / ROUND));
      [resting, bytes] = [0, cache.bytes];
    }
  }
  t.deepEqual(rests, [1, 3, 7, 7, 7]);
});

test('it rests as well before it was full, while nothing comes in, and takes what is read again afterwards', (t) => {
  const { cache, registers, read, readCold, readUntilFound, isResting } = openCache();
  registers[CACHED] = 0;
  readCold(ROUND);
  registers[CACHED] = 1;
  t.true(isResting());
  read('again');
  t.is(cache.bytes, 0);
  for (let i = 0; i < ROUND; i++) read('again');
  t.is(readUntilFound('again', 1), 1);
});

test('it does not rest while documents come in that there is room for', (t) => {
  const { find, read } = openCache(8 * LIMIT);
  for (let i = 0; i < ROUND + 1; i++) read(`new ${i}`);
  for (let i = 0; i < ROUND; i++) t.truthy(find(`new ${i}`));
});
