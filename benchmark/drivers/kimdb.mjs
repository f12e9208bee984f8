// This repository's kimdb, with the options of the bulk example in its API document.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import SimpleDB from '../../index.mjs';

export const version = createRequire(import.meta.url)('../../package.json').version;
export const settings = 'safeMode: true, bufferSize: 100000';
export const durability = {
  killed: 'every set kept',
  powerLost: 'kept once the log was synced (at most 100 ms later); all after flushSync',
};

export function open(folder) {
  const db = new SimpleDB({
    dbPath: join(folder, 'bench.db'),
    walPath: join(folder, 'buffer.wal'),
    safeMode: true,
    bufferSize: 100_000,
  });
  return {
    set: (collection, id, data) => db.set(collection, id, data),
    finish: () => db.flushSync(),
    get: async (collection, id) => (await db.get(collection, id))?.data,
    close: () => db.close(),
  };
}
