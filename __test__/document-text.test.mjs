// The JSON text of a document: byte for byte what JSON.stringify makes of it, by whichever call it is written.

import { runInNewContext } from 'node:vm';
import test from 'ava';
import fc from 'fast-check';
import { manualFlush, openHyper, openSimple, stored } from './helpers/database.mjs';

const stringify = (value) => JSON.stringify(value);

class Point {
  x = 1;
  get twice() {
    return 2;
  }
}
function Old() {
  this.own = 1;
}
Old.prototype.inherited = 2;

/** Made anew for each use, because some count what is done to them. */
const ODD = {
  holes: () => [1, ...new Array(2), 3].concat(new Array(3)),
  'nothing in an object': () => ({ a: undefined, b: () => 1, c: Symbol('c'), d: 1 }),
  'nothing in an array': () => [undefined, () => 1, Symbol('c'), 1],
  'only nothing': () => ({ a: undefined }),
  date: () => new Date(1e12),
  'wrong date': () => ({ at: new Date(Number.NaN) }),
  'a place that is told': () => ({
    a: { toJSON: (key) => key },
    b: [0, { toJSON: (key) => [typeof key, key] }],
  }),
  'toJSON that gives nothing': () => ({
    a: { toJSON: () => undefined },
    b: [{ toJSON: () => undefined }],
    c: 1,
  }),
  'toJSON that gives a function': () => ({ a: { toJSON: () => () => 1 }, c: [{ toJSON: () => () => 1 }] }),
  'toJSON that gives one with toJSON': () => ({ a: { toJSON: () => ({ toJSON: () => 1, b: 2 }) } }),
  'toJSON that is none': () => ({ toJSON: 'text', a: { toJSON: 0 } }),
  'a function with toJSON': () => ({ a: Object.assign(() => 1, { toJSON: () => 'f' }), b: 1 }),
  boxes: () => [Object(1), Object('s'), Object(true), { a: Object(2) }],
  'a box that passes for plain': () => ({ a: Object.setPrototypeOf(Object(5), Object.prototype) }),
  map: () => ({ a: new Map([[1, 2]]), b: new Set([1]) }),
  regexp: () => ({ a: /x/g, b: new Error('x') }),
  bytes: () => ({ a: Buffer.from('abc'), b: new Uint8Array([1, 2]) }),
  'no prototype': () => Object.assign(Object.create(null), { a: 1 }),
  'another prototype': () => Object.assign(Object.create({ inherited: 1 }), { own: 2 }),
  class: () => ({ p: new Point(), old: new Old() }),
  'another realm': () => runInNewContext('({ a: [1, { b: 2 }], c: new Date(0) })'),
  arguments: () =>
    (function () {
      // biome-ignore lint/complexity/noArguments: that is the case.
      return arguments;
    })(1, 'two'),
  proxy: () => new Proxy({ a: 1, b: [1] }, {}),
  'proxy of an array': () => ({ list: new Proxy([1, 'two'], {}) }),
  'hidden members': () =>
    Object.defineProperty({ a: 1, [Symbol('s')]: 2 }, 'hidden', { value: 3, enumerable: false }),
  'a member called __proto__': () => JSON.parse('{"__proto__":{"a":1},"constructor":2,"toString":3}'),
  'numbers as keys': () => ({ b: 1, 2: 'two', a: 3, 1: 'one', '-1': 0, '01': 0 }),
  'odd keys': () => ({
    '': 1,
    '"': 2,
    '\\': 3,
    '\n': 4,
    '\0': 5,
    '\ud800': 6,
    한글: 7,
    ['k'.repeat(100)]: 8,
  }),
  numbers: () => [
    0,
    -0,
    1,
    -1,
    9,
    10,
    99,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    2 ** 53,
    1e21,
    1e-7,
    5e-324,
    0.1,
    Number.NaN,
    Infinity,
  ],
  texts: () => [
    '',
    'a',
    '"',
    '\\',
    '\n\t\b\f\r',
    '\0',
    '\x1f\x7f',
    'é',
    '한글',
    '😀',
    '\ud83d',
    '\ude00\ud83d',
    '\u2028',
    'x'.repeat(24),
    'x'.repeat(25),
  ],
  'long texts': () => [
    'x'.repeat(5000),
    '"'.repeat(50),
    '한글'.repeat(50),
    '\0'.repeat(30),
    `${'y'.repeat(30)}\0${'z'.repeat(30)}`,
  ],
  'a long text with a zero alone': () => ({ a: 'x\0'.repeat(30) }),
  'halves that would meet': () => ({ a: `${'x'.repeat(30)}\ud83d`, b: `\ude00${'x'.repeat(30)}` }),
  'a getter that changes the object': () => ({
    get a() {
      delete this.b;
      this.z = 1;
      return 1;
    },
    b: 2,
    c: 3,
  }),
};

/** The same, too large for a property. */
const LARGE = {
  deep: () => JSON.parse('{"a":['.repeat(100) + ']}'.repeat(100)),
  'a long list': () => ({ a: Array.from({ length: 300_000 }, (_, i) => i) }),
  'many texts': () => Array.from({ length: 5000 }, (_, i) => `a text that is not short ${i}`),
  'one long text': () => ({ a: 'x'.repeat(3_000_000) }),
  'many keys': () => Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`key${i}`, i])),
};

/** Any value, also with odd ones in it. */
const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ maxLength: 60 }),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.date(),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(
      fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('id', 'name', 'tags')),
      tie('value'),
      { maxKeys: 8 },
    ),
    fc.constantFrom(...Object.values(ODD)).map((make) => make()),
  ),
})).value;

/** Plain documents, as most programs have them, one a shape. */
const USUAL = [
  { value: 1 },
  { name: 'Kim', age: 30, active: true, note: null, balance: -1.5, tags: ['a', 'b'], at: new Date(0) },
  {
    user: { name: '김철수', address: { city: '서울' } },
    items: [{ id: 1 }, { id: 2, text: 'with "quotes" and more than a few characters' }],
  },
  'text',
  [[], {}, [{}]],
];

test('each way to write stores that text', async (t) => {
  const db = openSimple(t);
  const expected = {};
  const documents = [...USUAL.map((value) => () => value), ...Object.values(ODD), ...Object.values(LARGE)];
  for (const [i, make] of documents.entries()) {
    await db.set('c', `set${i}`, make());
    await db.setSync('c', `setSync${i}`, make());
    db.db.write('c', `write${i}`, make());
    db.db.writeSync('c', `writeSync${i}`, make());
    await db.setMany('c', [
      [`many${i}`, make()],
      [`more${i}`, { second: make() }],
    ]);
    db.db.writeBatch('c', [[`batch${i}`, make()]]);
    const text = stringify(make());
    for (const way of ['set', 'setSync', 'write', 'writeSync', 'many', 'batch']) expected[way + i] = text;
    expected[`more${i}`] = stringify({ second: make() });
  }
  db.flushSync();
  t.deepEqual(stored(db.db), expected);
});

test('any document is stored as that text', async (t) => {
  const db = openSimple(t, manualFlush);
  let count = 0;
  const expected = {};
  const property = fc.asyncProperty(fc.array(anything, { minLength: 1, maxLength: 4 }), async (values) => {
    const documents = values.filter((value) => stringify(value) !== undefined);
    for (const value of documents) {
      expected[`one${count}`] = stringify(value);
      await db.set('c', `one${count++}`, value);
    }
    const entries = documents.map((value) => [`many${count++}`, value]);
    await db.setMany('c', entries);
    for (const [id, value] of entries) expected[id] = stringify(value);
  });
  await fc.assert(property, { numRuns: 500 });
  db.flushSync();
  t.deepEqual(stored(db.db), expected);
});

const shortText = fc.oneof(
  fc.string({ maxLength: 14 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('', '한글', 'é', '"', '\\', '\x7f', '\u2028', '\ud83d', '😀'),
);
const anyNumber = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.nat(1e15),
  fc.constantFrom(-0, 1e9, 1e9 - 1, 2 ** 53, 1e21),
);
const smallValue = fc.oneof(shortText, anyNumber, fc.boolean(), fc.constant(null), fc.constant(undefined));
const smallDocument = fc.dictionary(
  shortText,
  fc.oneof({ weight: 5, arbitrary: smallValue }, fc.array(smallValue, { maxLength: 4 })),
  { maxKeys: 5, noNullPrototype: true },
);

test('small documents, and any one among them, are stored as that text', async (t) => {
  const db = openSimple(t, manualFlush);
  const expected = {};
  let count = 0;
  const write = async (value) => {
    const id = `x${count++}`;
    expected[id] = stringify(value);
    if (count % 2 === 0) await db.set('c', id, value);
    else db.db.write('c', id, value);
  };
  const property = fc.asyncProperty(smallDocument, smallDocument, anything, async (first, second, any) => {
    await write(first);
    await write(second);
    if (stringify(any) !== undefined) await write({ first, any, second });
  });
  await fc.assert(property, { numRuns: 2000 });
  db.flushSync();
  t.deepEqual(stored(db.db), expected);
});

test('documents and ids about as large as the largest that cross as bytes', async (t) => {
  const db = openSimple(t, manualFlush);
  const expected = {};
  let count = 0;
  const write = async (id, value) => {
    expected[id] = stringify(value);
    await db.set('c', id, value);
    // What is not small is followed by some that are not tried.
    for (let i = 0; i < 2; i++) await db.set('small', 'x', {});
  };
  for (let length = 0; length < 120; length++) {
    for (const unit of ['a', 'é', '한']) {
      const text = unit.repeat(length);
      const documents = [
        { text },
        { [text]: 1 },
        { [text]: text },
        { a: 1, text, b: -(2 ** 53) + 1 },
        { text, undefined },
        { list: [text, 1, null], a: [text, text, text, text], b: Array(length).fill(1) },
      ];
      for (const part of [2, 4, 6]) {
        const short = text.slice(0, length / part);
        documents.push({ a: short, b: short, c: short, d: short, [short]: short });
      }
      for (const value of documents) await write(`x${count++}`, value);
      await write(`${text} is the id`, { length });
      await write(`${text}"${length}`, { length });
    }
  }
  for (const id of ['"', '\n', '\\', '\0', '😀', '\x7f', '한글']) await write(id, { id });
  for (const [id, text] of Object.entries(expected)) t.is(stringify((await db.get('c', id)).data), text);
  db.flushSync();
  t.deepEqual(stored(db.db), expected);
});

/** Runs `work` while `object` has one more member. Nothing else runs meanwhile. */
function extended(object, name, value, work) {
  object[name] = value;
  try {
    work();
  } finally {
    delete object[name];
  }
}

test('prototypes that a program has extended', (t) => {
  const db = openHyper(t);
  const expected = {};
  let count = 0;
  const write = () => {
    for (const value of [...USUAL, { a: [1, { b: {} }] }]) {
      expected[`x${count}`] = stringify(value);
      db.write('c', `x${count++}`, value);
      expected[`x${count}`] = stringify(value);
      db.writeBatch('c', [[`x${count++}`, value]]);
    }
  };
  extended(Object.prototype, 'everywhere', 1, write);
  extended(Array.prototype, 'toJSON', () => 'an array', write);
  extended(Object.prototype, 'toJSON', () => 'an object', write);
  extended(String.prototype, 'toJSON', () => 'no text', write);
  extended(
    BigInt.prototype,
    'toJSON',
    function () {
      return String(this);
    },
    () => {
      expected.big = stringify({ n: 10n });
      db.write('c', 'big', { n: 10n });
    },
  );
  db.flushSync();
  t.deepEqual(stored(db), expected);
});

test('a getter that extends all objects', (t) => {
  const db = openHyper(t);
  const make = () => ({
    get a() {
      Object.prototype.everywhere = 1;
      return { b: 1 };
    },
    c: { d: 1 },
  });
  try {
    const text = stringify(make());
    delete Object.prototype.everywhere;
    db.write('c', 'x', make());
    delete Object.prototype.everywhere;
    db.flushSync();
    t.deepEqual(stored(db), { x: text });
  } finally {
    delete Object.prototype.everywhere;
  }
});
