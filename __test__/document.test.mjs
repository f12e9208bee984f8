// Each code block of the API document runs unchanged, as a program of its own, with only what it
// obviously presumes in front of it and a look at what it did behind it.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { HyperScaleDB, SimpleDB } from 'kimdb/hyperscale';
import { runModule } from './helpers/child.mjs';
import { filesIn, useFolder } from './helpers/database.mjs';
import { documentBlocks } from './helpers/document.mjs';

const simple = "import SimpleDB from 'kimdb/hyperscale';\n";
const hyper = "import { HyperScaleDB } from 'kimdb/hyperscale';\n";
const simpleDb = `${simple}const db = new SimpleDB();\n`;
const hyperDb = `${hyper}const db = new HyperScaleDB().init();\n`;
const user = "await db.set('users', 'user123', { name: 'Kim', age: 30 });\n";

/** Prints values as JSON, one a line, for the assertions. */
const show = (...expressions) =>
  expressions.map((expression) => `\nconsole.log(JSON.stringify(${expression}));`).join('');
const close = '\ndb.close();';

const KIM = { name: 'Kim', age: 30 };
const LINES = ['[kimdb] Recovering 150 buffered writes from WAL...', '[kimdb] Recovered 150 writes'];

/**
 * What goes around each block, in the order of the document: `before`, `after`, and what the program
 * prints, as `lines` or to be checked by `check(t, lines, folder)`. `alternatives` splits a block that
 * shows two ways to do one thing, which no program can contain both.
 */
const blocks = [
  {
    heading: '설치',
    alternatives: /\n\/\/ 또는\n/,
    after: '\nconsole.log(typeof SimpleDB, typeof HyperScaleDB);',
    check: (t, lines, _, alternative) =>
      t.deepEqual(lines, [['function undefined', 'function function'][alternative]]),
  },
  {
    heading: '생성자',
    before: `${simple}const options = { dbPath: './here/x.db' };\n`,
    after: show("await db.set('users', 'u1', 1)", "(await db.get('users', 'u1')).data") + close,
    lines: [{ id: 'u1', buffered: true }, 1],
    check: (t, _, folder) => t.true(existsSync(join(folder, 'here', 'x_shard0.db'))),
  },
  {
    heading: '`set(collection, id, data)`',
    before: simpleDb,
    after: show("(await db.get('users', 'user123')).data", "await db.set('users', 'user123', {})") + close,
    lines: [KIM, { id: 'user123', buffered: true }],
  },
  {
    heading: '`setSync(collection, id, data)`',
    before: simpleDb,
    after:
      show("(await db.get('transactions', 'tx001')).data", "await db.setSync('transactions', 'tx001', {})") +
      close,
    lines: [{ amount: 1000 }, { id: 'tx001', synced: true }],
  },
  {
    heading: '`get(collection, id)`',
    before: `${simpleDb}${user}await db.flush();\n`,
    after: show('user') + close,
    lines: [{ id: 'user123', data: KIM, _version: 1 }],
  },
  {
    heading: '`getSync(collection, id)`',
    before: simpleDb + user,
    after: show('user', 'db.stats().bufferSize') + close,
    lines: [{ id: 'user123', data: KIM, _version: 1 }, 0],
  },
  {
    heading: '`delete(collection, id)`',
    before: simpleDb + user,
    after: show("await db.get('users', 'user123')") + close,
    lines: [null],
  },
  {
    heading: '`getAll(collection, limit)`',
    before: `${simpleDb}for (let i = 0; i < 150; i++) await db.set('users', 'u' + i, { i });\n`,
    after: show('users.length', 'new Set(users.map(({ id }) => id)).size') + close,
    lines: [100, 100],
  },
  {
    heading: '`stats()`',
    before: simpleDb + user,
    after: show('stats') + close,
    check(t, [stats]) {
      for (const name of documentedStats)
        t.is(typeof stats[name], name === 'safeMode' ? 'boolean' : 'number', name);
      t.like(stats, { bufferedWrites: 1, walWrites: 1, recoveredWrites: 0, shardCount: 8, safeMode: true });
    },
  },
  {
    heading: '`close()`',
    before: simpleDb + user,
    check(t, _, folder) {
      const db = new SimpleDB({
        dbPath: join(folder, 'data/hyperscale.db'),
        walPath: join(folder, 'data/buffer.wal'),
      });
      t.deepEqual(db.db.read('users', 'user123'), { id: 'user123', data: KIM, _version: 1 });
      t.is(db.stats().recoveredWrites, 0);
      db.close();
    },
  },
  {
    heading: '생성자',
    before: `${hyper}const options = undefined;\n`,
    after: show("db.write('users', 'u1', 1)") + close,
    lines: [{ id: 'u1', buffered: true }],
  },
  {
    heading: '`write(collection, id, data, operation)`',
    before: `${hyperDb}db.write('users', 'user124', 1);\n`,
    after:
      show("db.read('users', 'user123')", "db.read('users', 'user124').data", 'db.stats.bufferedWrites') +
      close,
    lines: [null, 1, 3],
  },
  {
    heading: '`read(collection, id, options)`',
    before: `${hyperDb}db.write('users', 'user123', { name: 'Kim' });\n`,
    after: show('data', 'db.getBufferSize()') + close,
    lines: [{ id: 'user123', data: { name: 'Kim' }, _version: 1 }, 0],
  },
  {
    heading: '`flush()`',
    before: `${hyperDb}db.write('users', 'user123', 1);\n`,
    after: show('db.getBufferSize()', 'db.stats.flushedWrites') + close,
    lines: [0, 1],
  },
  {
    heading: '`flushSync()`',
    before: `${hyperDb}for (let i = 0; i < 3000; i++) db.write('users', 'u' + i, i);\n`,
    after: show('db.getBufferSize()', 'db.stats.flushedWrites') + close,
    lines: [0, 3000],
  },
  {
    heading: '이벤트',
    before: hyperDb.replace('()', '({ flushInterval: 2 ** 31 - 1 })'),
    after: `
      db.write('users', 'user123', 1);
      db.write('users', 'user124', 1);
      await db.flush();
      db.emit('error', new Error('on purpose'));${close}`,
    check(t, lines) {
      t.is(lines[0], 'Flushed 2 writes');
      t.is(lines.length, 1);
    },
    stderr: /^DB error: Error: on purpose/,
  },
  {
    heading: '샤드 결정 알고리즘',
    before: `import crypto from 'node:crypto';\n${hyper}const key = 'user123', shardCount = 8;\n`,
    after: `
      const db = new HyperScaleDB().init();${show('hash.length', 'shardIndex', 'db.getShardIndex(key)')}${close}`,
    check(t, [length, shardIndex, ours]) {
      t.is(length, 16);
      t.is(shardIndex, createHash('md5').update('user123').digest().readUInt32BE(0) % 8);
      t.is(ours, shardIndex);
    },
  },
  {
    heading: '크래시 복구',
    prepare: `${simple}const db = new SimpleDB({ flushInterval: 2 ** 31 - 1 });
      for (let i = 0; i < 150; i++) await db.set('users', 'u' + i, i);
      process.kill(process.pid, 'SIGKILL');`,
    before: simple,
    after: show("(await db.get('users', 'u149')).data", 'db.stats().recoveredWrites') + close,
    lines: [...LINES, 149, 150],
  },
  {
    heading: '1. 버퍼 크기 조정',
    before: simple,
    after: show('db.db.config.bufferSize', 'db.db.config.batchSize') + close,
    lines: [50000, 5000],
  },
  {
    heading: '2. 플러시 주기 조정',
    alternatives: /\n\n/,
    before: simple,
    after: show('db.db.config.flushInterval') + close,
    check: (t, lines, _, alternative) => t.deepEqual(lines, [[50, 500][alternative]]),
  },
  {
    heading: '3. 샤드 수 조정',
    before: simple,
    after: show('db.db.shards.size') + close,
    lines: [16],
  },
  {
    heading: '기본 사용',
    check(t, lines, folder) {
      t.is(lines[0], 'Kim');
      const stats = lines.slice(1).join('\n');
      for (const name of documentedStats) t.regex(stats, new RegExp(`\\b${name}: `));
      t.true(existsSync(join(folder, 'data', 'myapp_shard7.db')));
      const db = new HyperScaleDB({
        dbPath: join(folder, 'data/myapp.db'),
        walPath: join(folder, 'data/buffer.wal'),
      }).init();
      t.deepEqual(db.read('users', 'u002').data, { name: 'Lee', email: 'lee@test.com' });
      db.close();
    },
  },
  {
    heading: '대량 쓰기 벤치마크',
    before: simple,
    after: `
      let rows = 0;
      for (const shard of db.db.shards.values()) rows += shard.prepare('SELECT count(*) AS c FROM bench').get().c;
      ${show('rows', "(await db.get('bench', 'id_999999')).data", 'db.stats().bufferSize')}${close}`,
    check(t, lines) {
      t.regex(lines[0], /^1M writes in \d+ms$/);
      t.regex(lines[1], /^\d+ writes\/sec$/);
      t.deepEqual(lines.slice(2), [1_000_000, { value: 999_999 }, 0]);
    },
  },
];

const documentedStats = [
  'bufferedWrites',
  'flushedWrites',
  'bufferSize',
  'cacheHits',
  'cacheMisses',
  'walWrites',
  'recoveredWrites',
  'shardCount',
  'safeMode',
  'cacheSize',
];

test('the document has these blocks', (t) => {
  t.deepEqual(
    documentBlocks().map(({ heading }) => heading),
    blocks.map(({ heading }) => heading),
  );
});

for (const [number, { code }] of documentBlocks().entries()) {
  const block = blocks[number];
  const alternatives = block.alternatives ? code.split(block.alternatives) : [code];
  for (const [alternative, source] of alternatives.entries()) {
    const part = alternatives.length > 1 ? `, ${alternative + 1} of ${alternatives.length}` : '';
    test(`block ${number + 1}, ${block.heading}${part}`, (t) => runBlock(t, block, source, alternative));
  }
}

async function runBlock(t, block, source, alternative) {
  const folder = useFolder(t);
  if (block.prepare !== undefined) {
    const prepared = await runModule(t, folder, block.prepare);
    t.is(prepared.stderr, '');
  }
  const { code, lines, stderr } = await runModule(
    t,
    folder,
    `${block.before ?? ''}${source}${block.after ?? ''}`,
  );
  t.is(code, 0, stderr);
  t.regex(stderr, block.stderr ?? /^$/);
  const values = lines.map(parsed);
  if (block.lines !== undefined) t.deepEqual(values, block.lines);
  await block.check?.(t, values, folder, alternative);
}

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}

test('the files of the document', async (t) => {
  const folder = useFolder(t);
  const { code, stderr } = await runModule(t, folder, simpleDb + user + close);
  t.is(code, 0, stderr);
  const shards = filesIn(join(folder, 'data')).filter((name) => name !== 'buffer.wal');
  t.deepEqual(
    shards,
    [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `hyperscale_shard${i}.db`),
  );
  t.true(existsSync(join(folder, 'data', 'buffer.wal')));
});
