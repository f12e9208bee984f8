// Arguments that throw when they are looked at, or that are proxies: they are wrong arguments, never a defect of kimdb.
import test from 'ava';
import { HyperScaleDB } from '../index.mjs';
import { openSimple } from './helpers/database.mjs';

const thrower = (thrown) => ({
  [Symbol.iterator]() {
    throw thrown;
  },
});
const withGetter = (get) => Object.defineProperty(['u1'], 0, { get });
const fail = () => {
  throw new Error('mine');
};
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  return proxy;
};

const CASES = {
  'an iterator that throws a symbol': [
    'KIMDB_INVALID_ENTRIES',
    (db) => db.setMany('c', thrower(Symbol('x'))),
  ],
  'an iterator that throws an object without a prototype': [
    'KIMDB_INVALID_ENTRIES',
    (db) => db.getMany('c', thrower(Object.create(null))),
  ],
  'an entry that throws a symbol': [
    'KIMDB_INVALID_ENTRIES',
    (db) =>
      db.setMany('c', [
        {
          get id() {
            throw Symbol('x');
          },
          data: 1,
        },
      ]),
  ],
  'an id that throws': ['KIMDB_INVALID_ENTRIES', (db) => db.getMany('c', withGetter(fail))],
  'an id that throws a symbol': [
    'KIMDB_INVALID_ENTRIES',
    (db) =>
      db.deleteMany(
        'c',
        withGetter(() => {
          throw Symbol('x');
        }),
      ),
  ],
  'a revoked proxy as id': ['KIMDB_INVALID_ID', (db) => db.get('c', revoked())],
  'a revoked proxy as collection': ['KIMDB_INVALID_COLLECTION', (db) => db.get(revoked(), 'u1')],
  'an option of read that throws': [
    'KIMDB_INVALID_OPTION',
    async (db) => db.db.read('c', 'u1', Object.defineProperty({}, 'sync', { get: fail })),
  ],
  'SQL that goes on behind a NUL': [
    'KIMDB_INVALID_QUERY',
    async (db) => db.db.shards.get(0).prepare('SELECT 1\0garbage').all(),
  ],
  'a value of a query that throws': [
    'KIMDB_INVALID_QUERY',
    async (db) => db.db.shards.get(0).prepare('SELECT ?').all(withGetter(fail)),
  ],
};

for (const [name, [code, call]] of Object.entries(CASES)) {
  test(name, async (t) => {
    const db = openSimple(t);
    const error = await t.throwsAsync(call(db), { instanceOf: TypeError });
    t.is(error.code, code);
  });
}

test('values of a query in a proxy', (t) => {
  const shard = openSimple(t).db.shards.get(0);
  t.deepEqual(shard.prepare('SELECT ? AS n').all(new Proxy([1], {})), [{ n: 1 }]);
});

test('values of a query that are others the second time', (t) => {
  const shard = openSimple(t).db.shards.get(0);
  let times = 0;
  const values = withGetter(() => (times++ === 0 ? 1 : {}));
  t.deepEqual(shard.prepare('SELECT ? AS n').all(values), [{ n: 1 }]);
});

test('an option is asked for once', (t) => {
  let times = 0;
  const options = {
    get walPath() {
      return times++ === 0 ? './a.wal' : undefined;
    },
  };
  t.is(new HyperScaleDB(options).config.walPath, './a.wal');
  t.is(times, 1);
});

test('half a surrogate pair in a path', (t) => {
  for (const name of ['dbPath', 'walPath']) {
    const error = t.throws(() => new HyperScaleDB({ [name]: 'a\ud800' }), { instanceOf: RangeError });
    t.is(error.code, 'KIMDB_INVALID_OPTION');
  }
});

for (const dbPath of ['.', '..', 'data/.', 'data/..']) {
  test(`the folder '${dbPath}' is no dbPath`, (t) => {
    const error = t.throws(() => new HyperScaleDB({ dbPath }), { instanceOf: RangeError });
    t.is(error.code, 'KIMDB_INVALID_OPTION');
  });
}
