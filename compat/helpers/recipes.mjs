// How each folder in fixtures/ was made: lives of processes of kimdb 7, one after the other, and what was done to the
// files around them.

import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { randomFrom } from '../../__test__/helpers/random.mjs';
import { shardFiles } from './old-files.mjs';

const NEVER = 2 ** 31 - 1;
const paths = { dbPath: 'store.db', walPath: 'buffer.wal' };
const two = { ...paths, shardCount: 2 };

const user = (i) => ({ name: `사용자 ${i}`, age: 20 + (i % 50), tags: ['a', `t${i}`] });

/** Sets `count` documents. */
const sets = (collection, count, data = user, first = 0) =>
  Array.from({ length: count }, (_, i) => ['set', collection, `u${first + i}`, data(first + i)]);

/** Writes of all kinds, with pauses in which kimdb 7 flushes. */
function stream(count) {
  const random = randomFrom(7);
  const step = (i) => {
    const collection = ['users', 'Orders_2', 'user-posts'][random(3)];
    const kind = random(20);
    if (i % 10 === 0) return ['sleep', 1];
    // The flush of an older set would undo it (defect 4), so these ids are its own.
    if (kind === 0) return ['setSync', collection, `s${random(20)}`, { i }];
    if (kind < 4) return ['delete', collection, `k${random(60)}`];
    return ['set', collection, `k${random(60)}`, { i, text: 'x'.repeat(random(80)) }];
  };
  return Array.from({ length: count }, (_, i) => step(i));
}

function inShards(folder, options, run) {
  shardFiles(options).forEach((file, i) => {
    const shard = new Database(join(folder, file));
    run(shard, i);
    shard.close();
  });
}

/** Takes the end of the log's last line away. */
function tear(folder) {
  const file = join(folder, paths.walPath);
  truncateSync(file, readFileSync(file).length - 10);
}

const OTHERS = `
  CREATE TABLE audit (at TEXT, what TEXT);
  CREATE TABLE notes (id INTEGER PRIMARY KEY, data TEXT);
  CREATE TABLE "a table" (x);
  CREATE VIEW adults AS SELECT id FROM users WHERE json_extract(data, '$.age') > 30;
  CREATE INDEX users_by_age ON users (json_extract(data, '$.age'));
  CREATE TRIGGER users_noted AFTER INSERT ON users BEGIN INSERT INTO audit VALUES (CURRENT_TIMESTAMP, new.id); END;
  INSERT INTO notes VALUES (1, 'kept');`;

/** The page sizes of the shards in 'page-sizes'. */
const PAGE_SIZES = [512, 1024, 16384, 32768];

function setPageSize(shard, i) {
  shard.pragma('journal_mode = DELETE');
  shard.pragma(`page_size = ${PAGE_SIZES[i]}`);
  shard.exec('VACUUM');
  shard.pragma('journal_mode = WAL');
}

export const recipes = {
  default: {
    about: 'all options at their defaults, closed in order',
    options: { dbPath: 'data/hyperscale.db', walPath: 'data/buffer.wal' },
    lives: [{ steps: [...sets('users', 120), ...sets('orders', 30, (i) => ({ total: i }))] }],
  },
  killed: {
    about: 'SIGKILL in the middle of writes: SQLite logs beside the shards, lines in buffer.wal',
    options: two,
    lives: [{ options: { flushInterval: 20 }, steps: stream(5000), killAfter: 543 }],
  },
  torn: {
    about: 'buffer.wal whose last line is torn',
    options: two,
    lives: [
      { steps: sets('users', 20) },
      {
        options: { flushInterval: NEVER },
        steps: [...sets('users', 15, (i) => ({ again: i }), 10), ['delete', 'users', 'u3']],
        killAfter: 16,
        torn: 1,
      },
    ],
    finish: tear,
  },
  unstorable: {
    about: 'the process was ended by its own flush, which cannot store these names; all is in buffer.wal',
    options: two,
    lives: [
      {
        options: { flushInterval: 50 },
        steps: [
          ...sets('users', 5),
          ...['사용자', 'order', '1st', '주문 내역'].flatMap((name) =>
            sets(name, 4, (i) => ({ of: name, i })),
          ),
          ['delete', '사용자', 'u0'],
          ['sleep', 1000],
        ],
        code: 1,
      },
    ],
  },
  stripped: {
    about: "names that it stripped: 'user-posts' is in the table userposts; 'a-b' and 'ab' share one",
    options: two,
    lives: [
      {
        steps: [
          ...['user-posts', 'order items', 'a.b.c', 'Orders_2', '글 posts'].flatMap((name) =>
            sets(name, 8, (i) => ({ of: name, i })),
          ),
          ['set', 'a-b', 'first', { by: 'a-b' }],
          ['set', 'ab', 'second', { by: 'ab' }],
          ['set', 'a-b', 'both', { by: 'a-b' }],
          ['set', 'ab', 'both', { by: 'ab' }],
        ],
      },
    ],
  },
  'number-ids': {
    about: "number ids, which it stored as '5.0' in the shard of '5'; the last ones are in buffer.wal",
    options: two,
    lives: [
      {
        steps: [
          ...[1, 2, 3, 5, 100, 1.5, -7, 2 ** 40, 1e21].flatMap((id) => [
            ['set', 'users', id, { id, by: 'set' }],
            ['set', 'users', id, { id, by: 'set', again: true }],
          ]),
          ...[11, 12].map((id) => ['setSync', 'users', id, { id, by: 'setSync' }]),
          ['set', 'users', 'u1', { id: 'u1' }],
          ['delete', 'users', 3],
        ],
      },
      {
        options: { flushInterval: NEVER },
        steps: [5, 6, 1.5, 1e21, 0.000001].map((id) => ['set', 'users', id, { id, by: 'log' }]),
        killAfter: 5,
      },
    ],
  },
  'other-tables': {
    about: 'tables, a view, an index and a trigger of other programs in the shards',
    options: two,
    lives: [
      { steps: sets('users', 30) },
      {
        between: (folder) => inShards(folder, two, (shard) => shard.exec(OTHERS)),
        steps: sets('users', 10, user, 30),
      },
    ],
  },
  'page-sizes': {
    about: `shards with pages of ${PAGE_SIZES.join(', ')} bytes`,
    options: { ...two, shardCount: 4 },
    lives: [
      { steps: sets('users', 30) },
      {
        between: (folder) => inShards(folder, { ...two, shardCount: 4 }, setPageSize),
        steps: sets('users', 30, user, 15),
      },
    ],
  },
  'one-file': {
    about: 'a dbPath without .db: all eight shards are one file',
    options: { dbPath: 'store.sqlite', walPath: 'buffer.wal' },
    lives: [
      { steps: [...sets('users', 60), ...sets('user-posts', 10, (i) => ({ i }))] },
      {
        options: { flushInterval: NEVER },
        steps: [...sets('users', 5, (i) => ({ again: i })), ['delete', 'users', 'u9']],
        killAfter: 6,
      },
    ],
  },
  'four-shards': {
    about: 'shardCount: 4',
    options: { ...paths, shardCount: 4 },
    lives: [
      { steps: [...sets('users', 80), ...sets('user-posts', 10, (i) => ({ i }))] },
      {
        options: { flushInterval: NEVER },
        steps: [...sets('users', 5, (i) => ({ again: i })), ['delete', 'users', 'u9']],
        killAfter: 6,
      },
    ],
  },
};
