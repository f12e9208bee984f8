// Options: wrong ones, unknown ones, defaults, and what each does.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'ava';
import { HyperScaleDB, SimpleDB } from 'kimdb/hyperscale';
import { linkPackage, runModule, startCommand } from './helpers/child.mjs';
import {
  filesIn,
  manualFlush,
  openHyper,
  openSimple,
  pathsIn,
  until,
  useFolder,
} from './helpers/database.mjs';
import { throwsCode } from './helpers/errors.mjs';

const INVALID = 'KIMDB_INVALID_OPTION';
const MAX = 2 ** 31 - 1;

const integers = {
  shardCount: [1, 1024],
  bufferSize: [1, MAX],
  flushInterval: [1, MAX],
  batchSize: [1, MAX],
  walSize: [2 ** 20, 2 ** 40],
  cacheBytes: [0, Number.MAX_SAFE_INTEGER],
  writeTimeout: [1, MAX],
};

for (const [name, [min, max]] of Object.entries(integers)) {
  test(`${name} must be an integer from ${min} to ${max}`, (t) => {
    for (const value of ['8', true, {}, [], () => 8, 8n, Symbol('8')]) {
      const error = throwsCode(t, () => new HyperScaleDB({ [name]: value }), 'TypeError', INVALID);
      t.true(error.message.startsWith(`option '${name}' must be an integer from ${min} to ${max}, got `));
    }
    for (const value of [min - 1, max + 1, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      const error = throwsCode(t, () => new HyperScaleDB({ [name]: value }), 'RangeError', INVALID);
      t.is(error.message, `option '${name}' must be an integer from ${min} to ${max}, got ${value}`);
    }
    for (const value of [min, max]) {
      t.is(new HyperScaleDB({ [name]: value }).config[name], value);
    }
  });
}

for (const name of ['safeMode', 'syncReads', 'exclusive']) {
  test(`${name} must be a boolean`, (t) => {
    for (const value of [0, 1, 'true', {}, 0n]) {
      throwsCode(t, () => new HyperScaleDB({ [name]: value }), 'TypeError', INVALID, new RegExp(`'${name}'`));
    }
    t.true(new HyperScaleDB({ [name]: true }).config[name]);
    t.false(new HyperScaleDB({ [name]: false }).config[name]);
  });
}

test("walBackend must be 'auto', 'mmap' or 'pwrite'", (t) => {
  for (const value of [0, true, {}, ['mmap']]) {
    throwsCode(t, () => new HyperScaleDB({ walBackend: value }), 'TypeError', INVALID);
  }
  for (const value of ['', 'MMAP', 'write']) {
    const error = throwsCode(t, () => new HyperScaleDB({ walBackend: value }), 'RangeError', INVALID);
    t.is(error.message, `option 'walBackend' must be 'auto', 'mmap', 'pwrite', got "${value}"`);
  }
});

for (const name of ['dbPath', 'walPath']) {
  test(`${name} must be the path of a file`, (t) => {
    for (const value of [1, true, {}, new URL('file:///tmp/x.db'), Buffer.from('x.db')]) {
      throwsCode(t, () => new HyperScaleDB({ [name]: value }), 'TypeError', INVALID, new RegExp(`'${name}'`));
    }
    for (const [value, accepted] of [
      ['', 'the path of a file'],
      ['a\0b', 'a path without NUL'],
      ['folder/', 'the path of a file, not of a folder'],
      ['file:///tmp/x.db', "a path, as fileURLToPath() of 'node:url' makes one of a URL"],
    ]) {
      const error = throwsCode(t, () => new HyperScaleDB({ [name]: value }), 'RangeError', INVALID);
      t.is(error.message, `option '${name}' must be ${accepted}, got ${JSON.stringify(value)}`);
    }
  });
}

test('logger must be false or a function', (t) => {
  for (const value of [true, 'log', {}, 1]) {
    throwsCode(t, () => new HyperScaleDB({ logger: value }), 'TypeError', INVALID, /'logger'/);
  }
});

test('options must be an object', (t) => {
  for (const value of ['./data.db', 8, true, [], () => {}]) {
    throwsCode(t, () => new HyperScaleDB(value), 'TypeError', INVALID, /^options must be an object, got /);
    throwsCode(t, () => new SimpleDB(value), 'TypeError', INVALID);
  }
});

test('a wrong option opens and creates nothing', (t) => {
  const folder = useFolder(t);
  throwsCode(t, () => new SimpleDB({ ...pathsIn(folder), shardCount: 0 }), 'RangeError', INVALID);
  t.deepEqual(filesIn(folder), []);
});

test('undefined and null mean the default', (t) => {
  const defaults = {
    dbPath: './data/hyperscale.db',
    shardCount: 8,
    bufferSize: 10000,
    flushInterval: 100,
    batchSize: 1000,
    safeMode: true,
    walPath: './data/buffer.wal',
    syncReads: false,
    walSize: 64 * 1024 * 1024,
    walBackend: 'auto',
    cacheBytes: 64 * 1024 * 1024,
    writeTimeout: 30000,
    exclusive: false,
    logger: undefined,
  };
  t.deepEqual(new HyperScaleDB().config, defaults);
  t.deepEqual(new HyperScaleDB(null).config, defaults);
  for (const nothing of [undefined, null]) {
    const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, nothing]));
    t.deepEqual(new HyperScaleDB(options).config, defaults);
  }
});

test('an unknown option is one warning with the nearest real name', async (t) => {
  const folder = useFolder(t);
  const quiet = { ...pathsIn(folder), logger: false };
  const source = `
    import { HyperScaleDB } from 'kimdb';
    process.on('warning', (w) => console.log(w.name + ' ' + w.code + ' ' + w.message));
    new HyperScaleDB({ bufersize: 1 });
    new HyperScaleDB({ bufersize: 2, ShardCount: 3 });
    new HyperScaleDB({ zzzzzzzz: 1 });
    const db = new HyperScaleDB(${JSON.stringify(quiet)}).init();
    db.read('users', 'u1', { sycn: true });
    db.getStats({ shards: true, zzzzzzzz: 1, shard: true });
    db.close();`;
  const { code, lines } = await runModule(t, folder, source);
  t.is(code, 0);
  t.deepEqual(lines.slice(0, 2), [
    "KimDBWarning KIMDB_UNKNOWN_OPTION unknown option 'bufersize'; did you mean 'bufferSize'?",
    "KimDBWarning KIMDB_UNKNOWN_OPTION unknown option 'ShardCount'; did you mean 'shardCount'?",
  ]);
  t.regex(lines[2], /unknown option 'zzzzzzzz'; the options are dbPath, shardCount, /);
  t.deepEqual(lines.slice(3), [
    "KimDBWarning KIMDB_UNKNOWN_OPTION unknown option 'sycn'; did you mean 'sync'?",
    "KimDBWarning KIMDB_UNKNOWN_OPTION unknown option 'shard'; did you mean 'shards'?",
  ]);
});

test('config shows the options in force and cannot be changed', (t) => {
  const folder = useFolder(t);
  const options = {
    ...pathsIn(folder),
    shardCount: 2,
    bufferSize: 500,
    flushInterval: 50,
    batchSize: 70,
    safeMode: false,
    syncReads: true,
    walSize: 2 ** 21,
    cacheBytes: 0,
    walBackend: 'pwrite',
    writeTimeout: 5000,
    exclusive: true,
    logger: false,
  };
  const db = openHyper(t, options);
  t.deepEqual(db.config, options);
  t.true(Object.isFrozen(db.config));
});

test('batchSize that was not given shows its default', (t) => {
  t.is(openHyper(t).config.batchSize, 1000);
});

test('relative paths are resolved when the instance is made', async (t) => {
  const folder = useFolder(t);
  const source = `
    import { mkdirSync } from 'node:fs';
    import { HyperScaleDB } from 'kimdb';
    const db = new HyperScaleDB({ dbPath: 'a/one.db', walPath: 'b/one.wal' });
    mkdirSync('elsewhere');
    process.chdir('elsewhere');
    db.init().close();
    console.log(db.config.dbPath, db.config.walPath);`;
  const { stdout } = await runModule(t, folder, source);
  t.is(stdout, 'a/one.db b/one.wal');
  t.true(existsSync(join(folder, 'a', 'one_shard7.db')));
  t.true(existsSync(join(folder, 'b', 'one.wal')));
  t.deepEqual(filesIn(join(folder, 'elsewhere')), []);
});

test('dbPath: a database is never in memory alone', (t) => {
  throwsCode(t, () => new HyperScaleDB({ dbPath: ':memory:' }), 'RangeError', INVALID, /temporary folder/);
});

test('dbPath: a name before .db is needed', (t) => {
  const folder = useFolder(t);
  for (const dbPath of ['.db', './.db', join(folder, '.db')]) {
    const error = throwsCode(t, () => new SimpleDB({ dbPath }), 'RangeError', 'KIMDB_INVALID_OPTION');
    t.regex(error.message, /option 'dbPath' must be the path of a file with a name before '\.db', got /);
  }
});

test('dbPath: the shards are named after it, without .db', (t) => {
  const folder = useFolder(t);
  openSimple(t, { dbPath: join(folder, 'one.db'), walPath: join(folder, '1.wal'), shardCount: 2 }).close();
  openSimple(t, { dbPath: join(folder, 'two'), walPath: join(folder, '2.wal'), shardCount: 1 }).close();
  openSimple(t, { dbPath: join(folder, 'x.db.d.db'), walPath: join(folder, '3.wal'), shardCount: 1 }).close();
  const shards = filesIn(folder).filter((name) => name.endsWith('.db'));
  t.deepEqual(shards, ['one_shard0.db', 'one_shard1.db', 'two_shard0.db', 'x.db.d_shard0.db']);
});

test('paths with spaces, quotes, Korean and percent signs work', async (t) => {
  const folder = useFolder(t);
  const paths = pathsIn(join(folder, `it's "a" 폴더 100% #1?x=y`), '데이터');
  const db = openSimple(t, paths);
  await db.set('users', 'u1', { name: 'Kim' });
  db.close();
  const again = openSimple(t, paths);
  t.deepEqual((await again.get('users', 'u1')).data, { name: 'Kim' });
});

test('bufferSize: that many writes start a flush at once', async (t) => {
  const db = openSimple(t, { ...manualFlush, bufferSize: 10 });
  for (let i = 0; i < 9; i++) await db.set('numbers', `n${i}`, i);
  t.is(db.stats().flushedWrites, 0);
  await db.set('numbers', 'n9', 9);
  await until(() => db.stats().flushedWrites === 10);
  t.is(db.stats().bufferSize, 0);
});

test('flushInterval: a write is flushed by itself', async (t) => {
  const db = openSimple(t, { ...manualFlush, flushInterval: 20 });
  await db.set('users', 'u1', { name: 'Kim' });
  await until(() => db.stats().flushedWrites === 1);
  t.deepEqual(await db.get('users', 'u1'), { id: 'u1', data: { name: 'Kim' }, _version: 1 });
});

test('batchSize: small transactions flush everything too', async (t) => {
  const db = openSimple(t, { ...manualFlush, batchSize: 3, shardCount: 2 });
  for (let i = 0; i < 100; i++) await db.set('numbers', `n${i}`, i);
  await db.flush();
  t.is(db.stats().flushedWrites, 100);
  t.is((await db.getAll('numbers', 1000)).length, 100);
});

test('safeMode: false logs nothing and keeps what was flushed', async (t) => {
  const folder = useFolder(t);
  const db = openSimple(t, { ...pathsIn(folder), safeMode: false });
  await db.set('users', 'u1', { name: 'Kim' });
  t.is((await db.get('users', 'u1')).data.name, 'Kim');
  t.is(db.stats().safeMode, false);
  t.is(db.stats().walWrites, 0);
  db.close();
  t.deepEqual(
    filesIn(folder).filter((name) => name.includes('wal')),
    [],
  );
  const again = openSimple(t, { ...pathsIn(folder), safeMode: false });
  t.is((await again.get('users', 'u1')).data.name, 'Kim');
});

test('walPath: a folder that is missing is made', async (t) => {
  const folder = useFolder(t);
  const walPath = join(folder, 'deep', 'er', 'my.wal');
  const db = openSimple(t, { dbPath: join(folder, 'test.db'), walPath });
  await db.set('users', 'u1', {});
  t.true(existsSync(walPath));
  t.is(db.stats().walWrites, 1);
});

test('syncReads: reads flush first', async (t) => {
  const db = openSimple(t, { ...manualFlush, syncReads: true });
  await db.set('users', 'u1', 1);
  t.deepEqual(await db.get('users', 'u1'), { id: 'u1', data: 1, _version: 1 });
  t.is(db.stats().flushedWrites, 1);
  await db.set('users', 'u2', 2);
  t.deepEqual(await db.getMany('users', ['u2']), [{ id: 'u2', data: 2, _version: 1 }]);
  await db.set('users', 'u3', 3);
  t.deepEqual(db.db.read('users', 'u3'), { id: 'u3', data: 3, _version: 1 });
  t.is(db.stats().bufferSize, 0);
});

if (process.platform === 'linux') {
  /** What opening a database says where the shell has set a limit. */
  async function openLimited(t, limit, options) {
    const folder = useFolder(t);
    linkPackage(folder);
    const source = `
      import { SimpleDB } from 'kimdb/hyperscale';
      try {
        new SimpleDB(${JSON.stringify(options)});
      } catch (error) {
        console.log(error.code, error.message);
      }`;
    const command = `ulimit ${limit}; exec "$0" --input-type=module --eval "$1"`;
    const started = startCommand(t, 'sh', ['-c', command, process.execPath, source], { cwd: folder });
    return (await started.ended).stdout;
  }

  test('walSize: memory that there is not says what to do', async (t) => {
    const said = await openLimited(t, '-v 200000000', { safeMode: false, walSize: 2 ** 40 });
    t.regex(said, /^KIMDB_IO Could not reserve 1099511627776 bytes of memory.*; set a smaller walSize\.$/);
  });

  test('shardCount: more files than may be open says what to do', async (t) => {
    for (const files of [60, 80, 100]) {
      const said = await openLimited(t, `-n ${files}`, { shardCount: 32 });
      t.regex(said, /^KIMDB_IO Could not .*\('ulimit -n'\)/, `${files}`);
    }
  });
}

test('walSize: the smallest log takes more than fits into it', async (t) => {
  const db = openSimple(t, { walSize: 2 ** 20 });
  const text = 'x'.repeat(10_000);
  const writes = [];
  for (let i = 0; i < 1000; i++) writes.push(db.set('big', `b${i}`, { i, text }));
  const last = await db.get('big', 'b999');
  t.is(last.data.i, 999, 'a read sees a write that waits for log space');
  const results = await Promise.all(writes);
  t.deepEqual(results[500], { id: 'b500', buffered: true });
  t.is((await db.getAll('big', Number.POSITIVE_INFINITY)).length, 1000);
});

test('cacheBytes: 0 keeps no document in memory', async (t) => {
  const db = openSimple(t, { cacheBytes: 0 });
  await db.set('users', 'u1', { name: 'Kim' });
  await db.flush();
  for (let i = 0; i < 3; i++) t.is((await db.get('users', 'u1')).data.name, 'Kim');
  t.is(db.stats().cacheSize, 0);
  t.is(db.stats().cacheMisses, 3);
});
