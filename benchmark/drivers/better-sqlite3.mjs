// SQLite in the same thread, through better-sqlite3: JSON texts in one table a collection.
import { join } from 'node:path';
import { installedVersion } from '../support/installed.mjs';

export const title = 'better-sqlite3';
export const version = installedVersion('better-sqlite3');
export const settings =
  'WAL, synchronous NORMAL (FULL where writes are synced), prepared upserts of JSON text, transactions of 5000, WITHOUT ROWID';
export const promises = {
  acknowledged: 'kill: kept (committed); power cut: kept once checkpointed',
  flushed: 'kill and power cut: kept',
  synced: 'kill and power cut: kept',
};
export const lacks = { recovered: 'buffers nothing that would have to be recovered' };

const PER_TRANSACTION = 5000;

export async function open(folder, { durable = false, timed = false } = {}) {
  const { default: Database } = await import('better-sqlite3');
  const db = new Database(join(folder, 'bench.db'));
  db.pragma('journal_mode = WAL');
  db.pragma(`synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
  db.exec('CREATE TABLE IF NOT EXISTS synced (id INTEGER PRIMARY KEY, time REAL)');
  const begin = db.prepare('BEGIN');
  const commit = db.prepare('COMMIT');
  const collections = new Map();
  let inTransaction = 0;

  const collectionOf = (name) => collections.get(name) ?? prepare(name);
  function prepare(name) {
    if (timed) return prepareTimed(name);
    db.exec(`CREATE TABLE IF NOT EXISTS "${name}" (id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID`);
    const statements = {
      upsert: db.prepare(
        `INSERT INTO "${name}" VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data`,
      ),
      get: db.prepare(`SELECT data FROM "${name}" WHERE id = ?`).pluck(),
      all: db.prepare(`SELECT data FROM "${name}"`).pluck(),
      many: db.prepare(`SELECT id, data FROM "${name}" WHERE id IN (SELECT value FROM json_each(?))`).raw(),
    };
    collections.set(name, statements);
    return statements;
  }
  // With the time of the last write, and an index by it.
  function prepareTimed(name) {
    db.exec(
      `CREATE TABLE IF NOT EXISTS "${name}" (id TEXT PRIMARY KEY, data TEXT NOT NULL, updated INTEGER NOT NULL);
       CREATE INDEX IF NOT EXISTS "${name} by time" ON "${name}" (updated)`,
    );
    const upsert = db.prepare(
      `INSERT INTO "${name}" VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data, updated = excluded.updated`,
    );
    const statements = {
      upsert: { run: (id, data) => upsert.run(id, data, Date.now()) },
      get: db.prepare(`SELECT data FROM "${name}" WHERE id = ?`).pluck(),
      latest: db.prepare(`SELECT data FROM "${name}" ORDER BY updated DESC, rowid DESC LIMIT ?`).pluck(),
    };
    collections.set(name, statements);
    return statements;
  }
  const endTransaction = () => {
    if (inTransaction > 0) commit.run();
    inTransaction = 0;
  };
  const setOne = (collection, id, data) => {
    collectionOf(collection).upsert.run(id, JSON.stringify(data));
  };
  // The transaction stays open from call to call: this connection sees its own writes in it.
  const set = (collection, id, data) => {
    const { upsert } = collectionOf(collection);
    if (inTransaction === 0) begin.run();
    upsert.run(id, JSON.stringify(data));
    inTransaction += 1;
    if (inTransaction === PER_TRANSACTION) endTransaction();
  };
  const setTogether = (collection, entries) => {
    for (const [id, data] of entries) set(collection, id, data);
    endTransaction();
  };
  const get = (collection, id) => collectionOf(collection).get.get(id);
  const dataOf = (text) => (text === undefined ? undefined : JSON.parse(text));
  return {
    set,
    setOne,
    setTogether,
    setMany: (collection, entries) => {
      for (const [id, data] of entries) set(collection, id, data);
    },
    setSync: setOne,
    // Each call commits for itself and blocks: nobody can wait for many.
    setAllThenSync: setTogether,
    update: (collection, id, change) => set(collection, id, change(dataOf(get(collection, id)))),
    acknowledge: endTransaction,
    // A commit with FULL syncs the log, and with it every commit before.
    flush: () => {
      endTransaction();
      db.pragma('synchronous = FULL');
      db.prepare('INSERT OR REPLACE INTO synced VALUES (1, ?)').run(performance.now());
      db.pragma(`synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
    },
    get,
    // A quarter faster than one statement for each.
    getMany: (collection, ids) => {
      const found = new Map(collectionOf(collection).many.all(JSON.stringify(ids)));
      return ids.map((id) => dataOf(found.get(id)));
    },
    dataOf,
    readsAtOnce: true,
    getAll: (collection) => collectionOf(collection).all.all().map(dataOf),
    latest: (collection, limit) => collectionOf(collection).latest.all(limit).map(dataOf),
    close: () => {
      endTransaction();
      db.close();
    },
  };
}
