// The predecessor, kimdb 7.6.1 in JavaScript on better-sqlite3, with the same options.
import { join } from 'node:path';
import { installedVersion } from '../support/installed.mjs';

export const title = 'kimdb 7.6.1';
export const version = installedVersion('kimdb-old');
const sqlite = installedVersion('kimdb-old/node_modules/better-sqlite3');
export const settings = `SimpleDB, on better-sqlite3 ${sqlite}; safeMode: true, bufferSize: 100000, the rest as it comes; reads give the same object each time`;
export const promises = {
  acknowledged: 'kill: kept until a partial flush empties the log; power cut: lost',
  flushed: 'kill: kept; power cut: not synced',
  synced: 'kill: kept; power cut: not synced',
};

export const lacks = {
  latest: 'lists other documents than those that were updated last',
  setMany: 'has no call for many documents',
  workers: 'every opening of a log erases what the others have in it',
};

/** It keeps every document that it ever saw in one Map, which cannot hold more than 16 million. */
export const mostDocuments = 3_000_000;

// The longest that a timer can wait: nothing is flushed by itself, so that everything is left to recover.
const UNFLUSHED = { bufferSize: 2 ** 31 - 1, flushInterval: 2 ** 31 - 1 };

export async function open(folder, { unflushed = false } = {}) {
  const { SimpleDB } = await import('kimdb-old/hyperscale');
  const db = new SimpleDB({
    dbPath: join(folder, 'bench.db'),
    walPath: join(folder, 'buffer.wal'),
    safeMode: true,
    bufferSize: 100_000,
    ...(unflushed ? UNFLUSHED : {}),
  });
  const set = (collection, id, data) => db.set(collection, id, data);
  return {
    set,
    setOne: set,
    setTogether: (collection, entries) => Promise.all(entries.map(([id, data]) => set(collection, id, data))),
    setSync: (collection, id, data) => db.setSync(collection, id, data),
    setAllSync: (collection, entries) =>
      Promise.all(entries.map(([id, data]) => db.setSync(collection, id, data))),
    setAllThenSync: async (collection, entries) => {
      for (const [id, data] of entries) await db.setSync(collection, id, data);
    },
    update: async (collection, id, change) =>
      db.set(collection, id, change((await db.get(collection, id)).data)),
    acknowledge: () => undefined,
    // Its SimpleDB has no flushSync of its own.
    flush: () => db.db.flushSync(),
    get: (collection, id) => db.get(collection, id),
    getMany: async (collection, ids) =>
      (await Promise.all(ids.map((id) => db.get(collection, id)))).map((found) => found?.data),
    dataOf: (found) => found?.data,
    readsAtOnce: false,
    // It takes an equal part of the limit from each shard, and the shards are not equally full.
    getAll: async (collection, count) => (await db.getAll(collection, count * 4)).map(({ data }) => data),
    recovered: () => db.stats().recoveredWrites,
    close: () => db.close(),
  };
}
