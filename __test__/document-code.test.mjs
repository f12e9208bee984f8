// Documents that run code of the program while they are written: getters, toJSON() and proxies that write, read, throw or change what
// they are in. Their text is that of JSON.stringify all the same.

import test from 'ava';
import { manualFlush, openHyper, openSimple, stored } from './helpers/database.mjs';

const stringify = (value) => JSON.stringify(value);

/** A document that notes each look at it, in `seen`. */
function watched(seen) {
  const member = (name, value) => ({
    enumerable: true,
    get() {
      seen.push(name);
      return value;
    },
  });
  const inner = Object.defineProperties({}, { x: member('x', 1), y: member('y', 'text') });
  const list = [1, { toJSON: (key) => seen.push(`toJSON ${key}`) }];
  return Object.defineProperties(
    {},
    { a: member('a', inner), toJSON: member('toJSON'), b: member('b', list) },
  );
}

test('getters and toJSON() are called once, in the order of JSON.stringify', async (t) => {
  const db = openSimple(t);
  const [seen, expected] = [[], []];
  const text = stringify(watched(expected));
  await db.set('c', 'x', watched(seen));
  t.deepEqual(seen, expected);
  t.is(stringify((await db.get('c', 'x')).data), text);
});

/** An object with a member that JSON.stringify asks for, but that is no member of its text. */
const hidden = (object, get) => Object.defineProperty(object, 'toJSON', { get });

/** Calls `write` with an id and a document that writes another one, named `inner`, while it is looked at. */
const WRITING = {
  'a toJSON getter': (inner) => hidden({ v: 1 }, inner),
  'a proxy that is read': (inner) =>
    new Proxy(
      { v: 1 },
      {
        get(target, name) {
          inner();
          return target[name];
        },
      },
    ),
  'a toJSON()': (inner) => ({
    toJSON() {
      inner();
      return { v: 1 };
    },
  }),
};

for (const [name, make] of Object.entries(WRITING)) {
  test(`a document that writes another one: ${name}`, async (t) => {
    const db = openSimple(t);
    for (const [i, id] of ['A', 'AAAA', 'a longer id', '한글'].entries()) {
      await db.set('small', 'x', {});
      await db.set(
        'c',
        id,
        make(() => db.db.write('c', `inner${i}`, { inner: i })),
      );
      await db.set('small', 'x', {});
      db.db.write(
        'c',
        `${id}2`,
        make(() => db.db.write('c', `inner${i}`, { inner: i })),
      );
    }
    db.flushSync();
    const expected = {};
    for (const [i, id] of ['A', 'AAAA', 'a longer id', '한글'].entries()) {
      expected[id] = '{"v":1}';
      expected[`${id}2`] = '{"v":1}';
      expected[`inner${i}`] = stringify({ inner: i });
    }
    t.deepEqual(stored(db.db), expected);
  });
}

test('what only looks plain', (t) => {
  const db = openHyper(t);
  const like = (value) => Object.setPrototypeOf(value, Object.prototype);
  const odd = {
    list: () => like([1, 2]),
    'empty list': () => like([]),
    'proxy of a list': () => new Proxy([1, 2], { getPrototypeOf: () => Object.prototype }),
    true: () => like(Object(true)),
    number: () => like(Object(5)),
    text: () => like(Object('ab')),
    'empty text': () => like(Object('')),
  };
  const expected = {};
  for (const [id, make] of Object.entries(odd)) {
    expected[id] = stringify(make());
    db.write('c', id, make());
    db.write('small', 'x', {});
  }
  t.throws(() => db.write('c', 'big', like(Object(1n))), { code: 'KIMDB_INVALID_DATA' });
  db.flushSync();
  t.deepEqual(stored(db), expected);
});

test('a toJSON() that comes while the members are read', (t) => {
  const db = openHyper(t);
  const make = (toJSON, b) => ({
    get a() {
      Object.prototype.toJSON = toJSON;
      return 1;
    },
    b,
  });
  const documents = [
    () => make(() => 'x"y,', {}),
    () => make(() => undefined, '"'),
    () => make(() => ({ h: 1 }), 'x\\'),
  ];
  const expected = {};
  for (const [i, document] of documents.entries()) {
    try {
      expected[`x${i}`] = stringify(document());
      delete Object.prototype.toJSON;
      db.write('c', `x${i}`, document());
    } finally {
      delete Object.prototype.toJSON;
    }
    db.write('small', 'x', {});
  }
  db.flushSync();
  t.deepEqual(stored(db), expected);
});

test('a toJSON() is looked up and called once', (t) => {
  const db = openHyper(t);
  let looks = 0;
  const texts = [];
  const document = () => ({
    a: 1,
    get toJSON() {
      looks++;
      return function (key) {
        texts.push(key);
        return { key, self: this.a };
      };
    },
  });
  db.write('c', 'x', document());
  t.is(looks, 1);
  t.deepEqual(texts, ['']);
  db.flushSync();
  t.deepEqual(stored(db), { x: '{"key":"","self":1}' });
});

test('a member toJSON that becomes a function is none', (t) => {
  const db = openHyper(t);
  const documents = [
    () => {
      let looks = 0;
      return {
        get toJSON() {
          return looks++ ? () => 'oops' : undefined;
        },
      };
    },
    ...[() => 'oops', () => ({ forged: 1 }), () => undefined].map((toJSON) => () => ({
      get a() {
        this.toJSON = toJSON;
        return 1;
      },
      toJSON: 0,
      b: 2,
    })),
  ];
  const expected = {};
  for (const [i, make] of documents.entries()) {
    expected[`x${i}`] = stringify(make());
    db.write('small', 'x', {});
    db.write('c', `x${i}`, make());
  }
  db.flushSync();
  t.deepEqual(stored(db), expected);
});

test('a toJSON() without the methods of functions', (t) => {
  const db = openHyper(t);
  db.write('c', 'none', { toJSON: Object.setPrototypeOf(() => ({ ok: 1 }), null) });
  db.write('c', 'own', { toJSON: Object.assign(() => ({ ok: 1 }), { call: () => 'other' }) });
  db.flushSync();
  t.deepEqual(stored(db), { none: '{"ok":1}', own: '{"ok":1}' });
});

test('a proxy is asked what JSON.stringify asks', (t) => {
  const db = openHyper(t);
  const watching = (seen) =>
    new Proxy(
      { a: 1, b: 'text' },
      Object.fromEntries(
        ['get', 'ownKeys', 'has', 'getOwnPropertyDescriptor', 'getPrototypeOf'].map((trap) => [
          trap,
          (target, ...rest) => {
            seen.push(`${trap} ${String(rest[0])}`);
            return Reflect[trap](target, ...rest);
          },
        ]),
      ),
    );
  const [seen, expected] = [[], []];
  const withoutReceiver = (list) => list.map((text) => text.replace(/\[object.*/, ''));
  stringify(watching(expected));
  db.write('c', 'x', watching(seen));
  t.deepEqual(withoutReceiver(seen), withoutReceiver(expected));
});

test('a document inside of itself is refused', (t) => {
  const db = openHyper(t);
  const list = { small: 1, list: [1] };
  list.list.push({ back: list });
  const own = { small: 1 };
  own.self = own;
  const hiding = {
    small: 1,
    get inner() {
      return { parent: hiding };
    },
  };
  for (const data of [list, own, hiding]) {
    db.write('c', 'small', {});
    t.throws(() => db.write('c', 'x', data), { code: 'KIMDB_INVALID_DATA', message: /cycle|circular|deep/i });
  }
});

test('whatever a document throws is told as what it is', async (t) => {
  const db = openSimple(t);
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const thrown = (error) => () => {
    throw error;
  };
  const faults = [
    [
      {
        get toJSON() {
          throw new Error('mine');
        },
      },
      /^data cannot be stored as JSON: mine/,
    ],
    [hidden({}, thrown(null)), /^data cannot be stored as JSON: null/],
    [revoked.proxy, /^data cannot be stored as JSON: .*revoked/],
    [hidden({}, thrown(Object.create(null))), /^data cannot be stored as JSON: something was thrown/],
    [hidden({}, thrown({ message: Symbol('s') })), /^data cannot be stored as JSON: \[object Object\]/],
    [hidden({}, thrown(revoked.proxy)), /^data cannot be stored as JSON: something was thrown/],
    [hidden({}, thrown(undefined)), /^data cannot be stored as JSON: undefined/],
    [{ toJSON: () => undefined }, /^data must be a value that JSON can hold/],
  ];
  for (const [data, message] of faults) {
    const error = await t.throwsAsync(db.set('c', 'x', data), { code: 'KIMDB_INVALID_DATA' });
    t.regex(error.message, message);
    await db.set('small', 'x', {});
  }
});

test('an error of a getter is told, and leaves what comes next as it is', async (t) => {
  const db = openSimple(t);
  const broken = {
    before: 1,
    get inner() {
      throw new Error('not today');
    },
  };
  const error = await t.throwsAsync(db.set('c', 'x', broken), { code: 'KIMDB_INVALID_DATA' });
  t.regex(error.message, /^data\.inner cannot be stored as JSON: not today/);
  t.is(await db.get('c', 'x'), null);
  await db.set('c', 'x', { value: 2 });
  t.deepEqual((await db.get('c', 'x')).data, { value: 2 });
});

test('a getter that closes the database', async (t) => {
  const db = openSimple(t);
  const closing = {
    get a() {
      db.close();
      return 1;
    },
  };
  await t.throwsAsync(db.set('c', 'x', closing), { code: 'KIMDB_CLOSED' });
});

test('a document whose getter writes another one', async (t) => {
  const db = openHyper(t);
  const outer = {
    before: 'a text',
    get inner() {
      db.write('c', 'inner', { text: 'another text', list: [1, 2] });
      return 1;
    },
    after: ['one more'],
  };
  const small = {
    before: 'a text',
    get small() {
      db.write('c', 'inner2', { text: 'another' });
      return 1;
    },
    after: 'one more',
  };
  db.write('c', 'small', small);
  db.write('c', 'outer', outer);
  db.writeBatch('c', [['outer2', outer]]);
  db.flushSync();
  t.deepEqual(stored(db), {
    inner: stringify({ text: 'another text', list: [1, 2] }),
    inner2: stringify({ text: 'another' }),
    outer: stringify(outer),
    outer2: stringify(outer),
    small: stringify(small),
  });
});

test('a getter that reads the document which is written', async (t) => {
  const db = openHyper(t, manualFlush);
  const ways = {
    write: (id, data) => db.write('c', id, data),
    batch: (id, data) => db.writeBatch('c', [[id, data]]),
  };
  for (const [way, write] of Object.entries(ways)) {
    const read = () => db.read('c', way)?.data;
    write(way, { value: 1 });
    db.flushSync();
    // It comes to be kept as a value when it is read again.
    for (let i = 0; i < 3; i++) t.deepEqual(read(), { value: 1 });
    const data = {
      get value() {
        for (let i = 0; i < 3; i++) read();
        return 2;
      },
    };
    write(way, data);
    t.deepEqual(read(), { value: 2 }, way);
  }
});
