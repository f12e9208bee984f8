// What a program may do with kimdb inside a test runner. Runners give each test file a realm of its own (Array and Error of
// the file are not those of the addon), load modules anew, and take the clock away.

const { randomUUID } = require('node:crypto');
const { mkdirSync } = require('node:fs');
const { join } = require('node:path');
const vm = require('node:vm');

const FOLDER = process.env.KIMDB_RUNNERS_FOLDER;

/** Options for a database of its own. */
function fresh(options = {}) {
  const folder = join(FOLDER, randomUUID());
  mkdirSync(folder);
  return { dbPath: join(folder, 'test.db'), walPath: join(folder, 'test.wal'), shardCount: 2, ...options };
}

/**
 * Declares the tests, with the globals of Jest and Vitest.
 *
 * `kimdb`: the module; `load()`: loads it anew, if the runner can; `clock`: `{ stop, go }`, the runner's fake one.
 */
module.exports = function behaviour({ kimdb, load, clock }) {
  const { SimpleDB, HyperScaleDB, KimDBError } = kimdb;
  let db;
  beforeEach(() => {
    db = new SimpleDB(fresh());
  });
  afterEach(() => db.close());

  describe('what comes out is of the realm of the test', () => {
    test('documents', async () => {
      const data = { name: 'Kim', tags: ['a', { b: 1 }], none: null };
      await db.set('users', 'u1', data);
      expect(await db.get('users', 'u1')).toStrictEqual({ id: 'u1', data, _version: 1, _buffered: true });
      await db.flush();
      const document = { id: 'u1', data, _version: 1 };
      for (let i = 0; i < 3; i++) expect(await db.get('users', 'u1')).toStrictEqual(document);
      expect(db.db.read('users', 'u1')).toStrictEqual(document);
      const many = await db.getMany('users', ['u1', 'u2']);
      expect(many).toBeInstanceOf(Array);
      expect(many).toStrictEqual([document, null]);
      const all = await db.getAll('users');
      expect(all).toBeInstanceOf(Array);
      expect(all).toStrictEqual([document]);
      expect(all[0].data.tags).toBeInstanceOf(Array);
    });

    test('results, figures and rows', async () => {
      expect(await db.set('users', 'u1', 1)).toStrictEqual({ id: 'u1', buffered: true });
      expect(await db.setSync('users', 'u1', 1)).toStrictEqual({ id: 'u1', synced: true });
      expect(await db.setMany('users', [['u2', 2]])).toStrictEqual([{ id: 'u2', buffered: true }]);
      expect(await db.delete('users', 'u2')).toStrictEqual({ id: 'u2', buffered: true });
      await db.flush();
      const stats = db.stats();
      expect(stats).toBeInstanceOf(Object);
      expect(stats).toStrictEqual({ ...stats });
      expect(stats.bufferedWrites).toBe(4);
      const shard = db.db.shards.get(db.db.getShardIndex('u1'));
      const rows = shard.prepare('SELECT id, _version FROM users WHERE id = ?').all('u1');
      expect(rows).toBeInstanceOf(Array);
      expect(rows).toStrictEqual([{ id: 'u1', _version: 2 }]);
      expect(shard.pragma('user_version')).toStrictEqual([{ user_version: 0 }]);
    });

    test('errors', async () => {
      const wrongId = await caught(() => db.get('users', {}));
      expect(wrongId).toBeInstanceOf(TypeError);
      expect(wrongId.code).toBe('KIMDB_INVALID_ID');
      expect(await caught(() => db.getAll('users', -1))).toBeInstanceOf(RangeError);
      const cycle = {};
      cycle.self = cycle;
      const faulty = await caught(() => db.set('users', 'u1', { cycle }));
      expect(faulty).toBeInstanceOf(TypeError);
      expect(faulty.message).toContain('data.cycle.self');
      const text = await caught(() => db.db.shards.get(0).prepare('SELECT nonsense').all());
      expect(text).toBeInstanceOf(KimDBError);
      expect(text).toBeInstanceOf(Error);
      const conflict = await caught(() => new SimpleDB({ ...options(db), walSize: 2 ** 21 }));
      expect(conflict).toBeInstanceOf(KimDBError);
      expect(conflict.code).toBe('KIMDB_OPTION_CONFLICT');
      db.close();
      const closed = await caught(() => db.set('users', 'u1', 1));
      expect(closed).toBeInstanceOf(KimDBError);
      expect(closed.code).toBe('KIMDB_CLOSED');
      expect(String(closed)).toMatch(/^KimDBError: /);
    });

    test('events', async () => {
      const told = new Promise((resolve) => db.once('flush', resolve));
      await db.set('users', 'u1', 1);
      const event = await told;
      expect(event).toBeInstanceOf(Object);
      expect(event).toStrictEqual({ count: 1, time: expect.any(Number) });
    });
  });

  describe('what goes in may be of any realm', () => {
    const foreign = (source) => vm.runInNewContext(source);

    test('data', async () => {
      class Point {
        x = 1;
      }
      const values = [
        [new Date(0), '1970-01-01T00:00:00.000Z'],
        [foreign('new Date(0)'), '1970-01-01T00:00:00.000Z'],
        [new Point(), { x: 1 }],
        [foreign('({ list: [1, { two: 2 }], none: undefined })'), { list: [1, { two: 2 }] }],
        [foreign('[1, undefined, 3]'), [1, null, 3]],
        [new Float64Array([1.5]), { 0: 1.5 }],
        [Buffer.from('a'), { type: 'Buffer', data: [97] }],
        [new Map([[1, 2]]), {}],
        [foreign('new String("text")'), 'text'],
        [foreign('Object.create(null)'), {}],
      ];
      for (const [given, stored] of values) {
        await db.set('values', 'v', given);
        expect((await db.get('values', 'v')).data).toStrictEqual(stored);
      }
      for (const refused of [1n, foreign('1n'), foreign('Object(1n)'), () => {}, foreign('(() => {})')]) {
        expect(await caught(() => db.set('values', 'v', refused))).toBeInstanceOf(TypeError);
      }
    });

    test('lists of entries and ids', async () => {
      await db.setMany('users', new Map([['a', 1]]));
      await db.setMany('users', foreign(`new Map([['b', 2]])`));
      await db.setMany('users', foreign(`[['c', 3], { id: 'd', data: 4 }]`));
      await db.setMany('users', foreign(`(function* () { yield ['e', 5]; })()`));
      db.db.writeBatch('users', foreign(`[{ id: 'f', data: 6 }]`));
      const ids = foreign(`new Set(['a', 'b', 'c', 'd', 'e', 'f'])`);
      expect((await db.getMany('users', ids)).map(({ data }) => data)).toStrictEqual([1, 2, 3, 4, 5, 6]);
      await db.deleteMany('users', foreign(`['a', 'b']`));
      expect(await db.getMany('users', new Set(['a', 'b']))).toStrictEqual([null, null]);
    });

    test('options and listeners', async () => {
      const make = foreign(
        '(options, told) => Object.assign(Object.create(null), options, { logger: () => told() })',
      );
      const lines = [];
      const other = new HyperScaleDB(make(fresh(), () => lines.push('told'))).init();
      other.write('users', 'u1', 1);
      expect(other.read('users', 'u1').data).toBe(1);
      other.close();
      expect(lines).toStrictEqual([]);
    });
  });

  test('versions and states arrive with each read', async () => {
    for (let i = 1; i <= 50; i++) {
      await db.set('users', 'u1', { i });
      if (i % 10 === 0) await db.flush();
      const found = await db.get('users', 'u1');
      expect([found.data.i, found._version, found._buffered]).toStrictEqual([
        i,
        i,
        i % 10 === 0 ? undefined : true,
      ]);
    }
  });

  const whereModulesLoadAnew = load === undefined ? () => {} : test;
  whereModulesLoadAnew('modules loaded anew share the engine of the old ones', async () => {
    const paths = options(db);
    let last = db;
    const opened = [];
    for (let i = 1; i <= 10; i++) {
      const again = load();
      expect(again).not.toBe(kimdb);
      const next = new again.SimpleDB(paths);
      opened.push(next);
      await last.set('users', 'u1', i);
      expect(await next.get('users', 'u1')).toMatchObject({ data: i, _version: i });
      last = next;
    }
    // An error is an instance of the class of its own module; its code is the same everywhere.
    last.close();
    const closed = await caught(() => last.get('users', 'u1'));
    expect(closed).not.toBeInstanceOf(KimDBError);
    expect(closed).toBeInstanceOf(Error);
    expect([closed.name, closed.code]).toStrictEqual(['KimDBError', 'KIMDB_CLOSED']);
    expect(await db.get('users', 'u1')).toMatchObject({ data: 10 });
    for (const other of opened) other.close();
  });

  test('the engine needs no clock of the program', async () => {
    clock.stop();
    try {
      const told = new Promise((resolve) => db.once('flush', resolve));
      await db.set('users', 'u1', 1);
      expect(await told).toMatchObject({ count: 1 });
      await db.setSync('users', 'u2', 2);
      await db.flush();
      expect(await db.getAll('users')).toHaveLength(2);
      expect(await db.getSync('users', 'u1')).toMatchObject({ data: 1 });
    } finally {
      clock.go();
    }
  });

  test('thirty databases at a time', async () => {
    const databases = Array.from({ length: 30 }, () => new SimpleDB(fresh({ walSize: 2 ** 20 })));
    await Promise.all(databases.map((each, i) => each.setSync('users', 'u1', i)));
    const found = await Promise.all(databases.map((each) => each.getAll('users')));
    expect(found.map(([{ data }]) => data)).toStrictEqual(databases.map((_, i) => i));
    for (const each of databases) each.close();
  });
};

module.exports.fresh = fresh;

const options = (db) => ({ dbPath: db.db.config.dbPath, walPath: db.db.config.walPath });

async function caught(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
