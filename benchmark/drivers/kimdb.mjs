// This repository's kimdb, with the options of the bulk example in its API document.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import SimpleDB from '../../index.mjs';

export const title = 'kimdb';
export const version = createRequire(import.meta.url)('../../package.json').version;
export const settings =
  'SimpleDB; safeMode: true, bufferSize: 100000, the rest as it comes; every call is awaited';
export const promises = {
  acknowledged: 'kill: kept; power cut: the last 100 ms may go',
  flushed: 'kill and power cut: kept',
  synced: 'kill and power cut: kept',
};

const MIB = 1024 * 1024;
// Nothing is flushed by itself, so that everything is left to recover. The engine begins to flush when half of the
// log is used, so this one holds as much as a log of the default size when it is full.
const UNFLUSHED = { bufferSize: 2 ** 31 - 1, flushInterval: 2 ** 31 - 1, walSize: 128 * MIB };

export function open(folder, { unflushed = false } = {}) {
  const db = new SimpleDB({
    dbPath: join(folder, 'bench.db'),
    walPath: join(folder, 'buffer.wal'),
    safeMode: true,
    bufferSize: 100_000,
    logger: false,
    ...(unflushed ? UNFLUSHED : {}),
  });
  const set = (collection, id, data) => db.set(collection, id, data);
  return {
    set,
    setOne: set,
    setTogether: (collection, entries) => Promise.all(entries.map(([id, data]) => set(collection, id, data))),
    setMany: (collection, entries) => db.setMany(collection, entries),
    setSync: (collection, id, data) => db.setSync(collection, id, data),
    setAllSync: (collection, entries) =>
      Promise.all(entries.map(([id, data]) => db.setSync(collection, id, data))),
    setAllThenSync: async (collection, entries) => {
      await db.setMany(collection, entries);
      await db.sync();
    },
    update: async (collection, id, change) =>
      db.set(collection, id, change((await db.get(collection, id)).data)),
    // Every set was acknowledged when it returned.
    acknowledge: () => undefined,
    flush: () => db.flushSync(),
    get: (collection, id) => db.get(collection, id),
    getMany: async (collection, ids) => (await db.getMany(collection, ids)).map((found) => found?.data),
    dataOf: (found) => found?.data,
    readsAtOnce: false,
    getAll: async (collection) => (await db.getAll(collection, Infinity)).map(({ data }) => data),
    latest: async (collection, limit) => (await db.getAll(collection, limit)).map(({ data }) => data),
    recovered: () => db.stats().recoveredWrites,
    close: () => db.close(),
  };
}
