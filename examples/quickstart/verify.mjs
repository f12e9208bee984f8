// Compares what the database holds with the documents that were written.
import { isDeepStrictEqual } from 'node:util';
import { COLLECTION } from './cities.mjs';

const CHUNK = 1000;

/** @returns {Promise<string[]>} the ids of documents that are missing or not what was written */
export async function findLost(db, documents, progress) {
  const lost = [];
  for (let start = 0; start < documents.length; start += CHUNK) {
    const expected = documents.slice(start, start + CHUNK);
    const found = await db.getMany(
      COLLECTION,
      expected.map(({ id }) => id),
    );
    expected.forEach(({ id, data }, index) => {
      if (!isSame(found[index], id, data)) lost.push(id);
    });
    progress.update(start + expected.length);
  }
  return lost;
}

function isSame(found, id, data) {
  // Each city was written once: version 1, also after the log was replayed.
  return found?.id === id && found._version === 1 && isDeepStrictEqual(found.data, data);
}
