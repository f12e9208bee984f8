// LevelDB through classic-level: JSON values, written in batches.
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { COLLECTION } from '../support/documents.mjs';
import { installedVersion } from '../support/installed.mjs';

export const title = 'classic-level';
export const version = installedVersion('classic-level');
export const settings = 'defaults, JSON values, a sublevel a collection, batches of 1000, reads with getSync';
export const promises = {
  acknowledged: 'kill: kept; power cut: lost until the system writes it',
  flushed: 'kill and power cut: kept, but for a log file that is being compacted',
  synced: 'kill and power cut: kept',
};
export const lacks = {
  latest: 'has no order but that of keys',
  recovered: 'buffers nothing that would have to be recovered',
  workers: 'can be opened once at a time',
};

const PER_BATCH = 1000;

export async function open(folder) {
  const root = new ClassicLevel(join(folder, 'bench'), { valueEncoding: 'json' });
  await root.open();
  const collections = new Map();
  let gathered = [];
  let gatheredFor;

  const collectionOf = (name) => {
    let found = collections.get(name);
    if (!found) {
      found = root.sublevel(name, { valueEncoding: 'json' });
      collections.set(name, found);
    }
    return found;
  };
  const write = (collection, entries, options) =>
    collectionOf(collection).batch(
      entries.map(([key, value]) => ({ type: 'put', key, value })),
      options,
    );
  const writeGathered = () => {
    if (gathered.length === 0) return undefined;
    const batch = gathered;
    gathered = [];
    return collectionOf(gatheredFor).batch(batch);
  };
  const setOne = (collection, id, data) => collectionOf(collection).put(id, data);
  const get = (collection, id) => collectionOf(collection).getSync(id);
  // getSync does not wait for a sublevel that is still opening.
  await collectionOf(COLLECTION).open();
  return {
    set: (collection, id, data) => {
      gatheredFor = collection;
      gathered.push({ type: 'put', key: id, value: data });
      return gathered.length === PER_BATCH ? writeGathered() : undefined;
    },
    setOne,
    setTogether: write,
    setMany: write,
    setSync: (collection, id, data) => collectionOf(collection).put(id, data, { sync: true }),
    setAllSync: (collection, entries) =>
      Promise.all(entries.map(([id, data]) => collectionOf(collection).put(id, data, { sync: true }))),
    setAllThenSync: (collection, entries) => write(collection, entries, { sync: true }),
    update: (collection, id, change) => setOne(collection, id, change(get(collection, id))),
    // What is gathered cannot be read yet.
    setVisible: setOne,
    acknowledge: writeGathered,
    flush: async () => {
      await writeGathered();
      await root.put('synced', performance.now(), { sync: true });
    },
    get,
    getMany: (collection, ids) => collectionOf(collection).getMany(ids),
    dataOf: (found) => found,
    readsAtOnce: true,
    getAll: (collection) => collectionOf(collection).values().all(),
    close: () => root.close(),
  };
}
