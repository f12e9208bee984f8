// The predecessor, kimdb 7.6.1 in JavaScript on better-sqlite3, with the same options.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const manifest = new URL('../node_modules/kimdb-old/package.json', import.meta.url);
export const version = JSON.parse(readFileSync(manifest, 'utf8')).version;
export const settings = 'safeMode: true, bufferSize: 100000';
export const durability = {
  killed: 'a set is kept until the first partial flush empties the log, then it can be lost',
  powerLost: 'nothing is synced before SQLite checkpoints',
};

export async function open(folder) {
  const { SimpleDB } = await import('kimdb-old/hyperscale');
  const db = new SimpleDB({
    dbPath: join(folder, 'bench.db'),
    walPath: join(folder, 'buffer.wal'),
    safeMode: true,
    bufferSize: 100_000,
  });
  return {
    set: (collection, id, data) => db.set(collection, id, data),
    // Its SimpleDB has no flushSync of its own.
    finish: () => db.db.flushSync(),
    get: async (collection, id) => (await db.get(collection, id))?.data,
    close: () => db.close(),
  };
}
