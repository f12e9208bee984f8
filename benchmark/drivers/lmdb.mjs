// lmdb-js as it comes: puts are gathered into transactions that it commits in the background.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { open as openLmdb } from 'lmdb';

const manifest = new URL('../node_modules/lmdb/package.json', import.meta.url);
export const version = JSON.parse(readFileSync(manifest, 'utf8')).version;
export const settings = 'defaults; put is not awaited, the end waits for flushed';
export const durability = {
  killed: 'kept once its transaction was committed',
  powerLost: 'kept once its transaction was synced; all after flushed',
};

export function open(folder) {
  const root = openLmdb({ path: join(folder, 'bench') });
  const collections = new Map();
  const collectionOf = (name) => {
    let found = collections.get(name);
    if (!found) {
      found = root.openDB({ name });
      collections.set(name, found);
    }
    return found;
  };
  return {
    // Awaiting each put would wait for a commit a document; nobody loads lmdb like that.
    set: (collection, id, data) => {
      collectionOf(collection).put(id, data);
    },
    finish: () => root.flushed,
    get: (collection, id) => collectionOf(collection).get(id),
    close: () => root.close(),
  };
}
