// What programs that get killed find when they open the database again.

import { COLLECTIONS, digest, everyId } from './operations.mjs';

/** What is there, by 'collection/id', and what is wrong with it. */
export async function look(db) {
  const documents = {};
  const faults = [];
  for (const collection of COLLECTIONS) {
    for (const { id, data, _version } of await db.getAll(collection, Number.POSITIVE_INFINITY)) {
      documents[`${collection}/${id}`] = digest(data, _version);
      if (/[^x]/.test(data.text)) faults.push(`${collection}/${id} holds other letters`);
    }
    for (const { id } of everyId()) {
      const read = await db.get(collection, id);
      const found = read === null ? undefined : digest(read.data, read._version);
      const listed = documents[`${collection}/${id}`];
      if (found !== listed) faults.push(`${collection}/${id}: get() finds ${found}, getAll() ${listed}`);
    }
  }
  for (const [index, shard] of db.db.shards) {
    const verdict = shard.pragma('integrity_check', { simple: true });
    if (verdict !== 'ok') faults.push(`shard ${index}: ${verdict}`);
  }
  return { documents, faults, recovered: db.stats().recoveredWrites };
}
