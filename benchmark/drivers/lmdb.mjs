// lmdb-js as it comes: puts are gathered into transactions that it commits in the background.
import { join } from 'node:path';
import { setImmediate as eventTurn } from 'node:timers/promises';
import { open as openLmdb } from 'lmdb';
import { installedVersion } from '../support/installed.mjs';

export const title = 'lmdb';
export const version = installedVersion('lmdb');
export const settings =
  'defaults (MessagePack); put is not awaited, the event loop turns every 10000; read-change-write in transactions of 1000';
export const promises = {
  acknowledged: 'kill: kept (committed); power cut: kept once synced',
  flushed: 'kill and power cut: kept',
  synced: 'kill and power cut: kept',
};
export const lacks = {
  recovered: 'buffers nothing that would have to be recovered',
  latest: 'has no order but that of keys',
};

// What is put in one turn of the event loop goes into one transaction. Without a turn now and then all of a bulk load
// would be one, and the thread that commits would begin only after the last put.
const PUTS_PER_TURN = 10_000;
const CHANGES = 1000;

export function open(folder) {
  const root = openLmdb({ path: join(folder, 'bench') });
  const collections = new Map();
  let puts = 0;
  let changes = [];
  const collectionOf = (name) => {
    let found = collections.get(name);
    if (!found) {
      found = root.openDB({ name });
      collections.set(name, found);
    }
    return found;
  };
  const putAll = (collection, entries) => {
    const db = collectionOf(collection);
    for (const [id, data] of entries) db.put(id, data);
  };
  // A put that is not committed cannot be read yet, so changes are made where reads see the writes before them.
  const makeChanges = () => {
    const due = changes;
    changes = [];
    root.transactionSync(() => {
      for (const { db, id, change } of due) db.put(id, change(db.get(id)));
    });
  };
  const set = (collection, id, data) => {
    collectionOf(collection).put(id, data);
    puts += 1;
    return puts % PUTS_PER_TURN === 0 ? eventTurn() : undefined;
  };
  const setSync = (collection, id, data) => {
    collectionOf(collection).put(id, data);
    return root.flushed;
  };
  return {
    set,
    setOne: (collection, id, data) => collectionOf(collection).put(id, data),
    setTogether: (collection, entries) => {
      putAll(collection, entries);
      return root.committed;
    },
    setMany: (collection, entries) => {
      putAll(collection, entries);
      puts += entries.length;
      return puts % PUTS_PER_TURN < entries.length ? eventTurn() : undefined;
    },
    setSync,
    setAllSync: (collection, entries) =>
      Promise.all(entries.map(([id, data]) => setSync(collection, id, data))),
    setAllThenSync: (collection, entries) => {
      putAll(collection, entries);
      return root.flushed;
    },
    update: (collection, id, change) => {
      changes.push({ db: collectionOf(collection), id, change });
      if (changes.length === CHANGES) makeChanges();
    },
    acknowledge: () => {
      if (changes.length > 0) makeChanges();
      return root.committed;
    },
    flush: () => root.flushed,
    get: (collection, id) => collectionOf(collection).get(id),
    // Its own getMany has another thread look at the pages first, which takes longer where they are in memory.
    getMany: (collection, ids) => {
      const db = collectionOf(collection);
      return ids.map((id) => db.get(id));
    },
    dataOf: (found) => found,
    readsAtOnce: true,
    getAll: (collection) => Array.from(collectionOf(collection).getRange(), ({ value }) => value),
    close: () => root.close(),
  };
}
