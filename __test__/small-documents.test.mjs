// Which documents cross to the engine as bytes. Only the speed of writes shows that from outside, so this asks the part itself; what
// is stored of them is in document-text.test.mjs and document-code.test.mjs.

import test from 'ava';
import lib from '../lib/small-documents.js';
import limits from '../lib/small-limits.js';

const { SmallDocuments, newRegisters } = lib;
const LONGEST = 1023;
const SMALL = { value: 1 };
const LARGE = { text: 'x'.repeat(limits.LARGEST_STRING + 1) };

function openSmall() {
  const small = new SmallDocuments(newRegisters());
  /** Whether it went there, in place of as a text. */
  const isSmall = (data, { id = 'id', number = 0 } = {}) => {
    const text = small.put(number, id, data);
    return text === undefined;
  };
  /** How many of those that come are not tried. */
  const rest = (most = LONGEST + 1) => {
    for (let count = 0; count < most; count++) if (isSmall(SMALL)) return count;
    return most;
  };
  return { isSmall, rest };
}

test('small plain documents cross as bytes', (t) => {
  const documents = [
    {},
    SMALL,
    { name: '김철수', active: true, at: 1_764_300_000_000, balance: -1.5, note: null, no: undefined },
    { tags: ['a', '한', 1.5, true, null, -0], none: [] },
    { '': -0, a: Number.NaN, b: Infinity, c: -(2 ** 31), d: 2 ** 53, e: 1e21 },
  ];
  for (const data of documents) t.true(openSmall().isSmall(data), JSON.stringify(data));
  t.true(openSmall().isSmall(SMALL, { id: '한글'.repeat(24) }));
});

test('others cross as texts', (t) => {
  const documents = [
    LARGE,
    { a: {} },
    { a: [{}] },
    { a: [[]] },
    { a: [undefined] },
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
    { a: [1, , 2] },
    { a: Array.from({ length: limits.LONGEST_LIST + 1 }, () => 1) },
    { a: Object.assign([1], { toJSON: () => 2 }) },
    { a: new (class extends Array {})(1, 2) },
    { a: new Proxy([1], {}) },
    { a: 'with "quotes"' },
    { a: '😀' },
    { a: new Date(0) },
    [1],
    'text',
    1,
    null,
    Object.create(null),
    new Map(),
    { a: 1, toJSON: () => ({}) },
    Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`member${i}`, i])),
  ];
  for (const data of documents) t.false(openSmall().isSmall(data), JSON.stringify(data));
  for (const id of [LARGE.text, '"', '😀']) t.false(openSmall().isSmall(SMALL, { id }), id);
});

test('behind documents that are not small, more and more are not tried', (t) => {
  const { isSmall, rest } = openSmall();
  t.is(rest(), 0);
  for (let skipped = 1; skipped <= LONGEST; skipped = 2 * skipped + 1) {
    t.false(isSmall(LARGE));
    for (let i = 0; i < skipped; i++) t.false(isSmall(SMALL));
  }
  t.false(isSmall(LARGE));
  t.is(rest(), LONGEST);
});

test('one that is small ends that', (t) => {
  const { isSmall, rest } = openSmall();
  for (let i = 0; i < 1000; i++) isSmall(LARGE);
  t.true(rest() <= LONGEST);
  t.false(isSmall(LARGE));
  t.is(rest(), 1);
});

test('one collection with large documents leaves the others alone', (t) => {
  const { isSmall } = openSmall();
  for (let i = 0; i < 100; i++) {
    t.false(isSmall(LARGE, { number: 3 }));
    t.true(isSmall(SMALL, { number: 7 }));
  }
});
