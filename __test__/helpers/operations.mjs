// What the writers of a torture do, from the seed alone, and a model of what they leave. The program that is
// killed and the supervisor that checks what it left both make it, so only positions have to be reported.

import { mix, randomFrom } from './random.mjs';

/** How many operations each writer has on their way at most. Writer 0 is the main thread. */
export const WRITERS = [{ ahead: 1 }, { ahead: 1 }, { ahead: 16 }, { ahead: 4 }];

export const COLLECTIONS = ['users', 'user-posts', '사용자'];

/** Documents of one writer in each collection. */
const KEYS = 30;

/** All ids that operations use, with their writer. */
export function* everyId() {
  for (let writer = 0; writer < WRITERS.length; writer++)
    for (let key = 0; key < KEYS; key++) yield { writer, id: idOf(writer, key) };
}

const idOf = (writer, key) => `${writer}-${key}`;

/** Operation number `index` of a writer in a run: `{ type, collection, ids, data }`. */
export function operation({ seed, run, writer, index }) {
  const random = randomFrom(mix(seed, run, writer, index));
  const collection = COLLECTIONS[random(COLLECTIONS.length)];
  const ids = (count) => Array.from({ length: count }, () => idOf(writer, random(KEYS)));
  const data = (letters) => ({ run, index, text: 'x'.repeat(random(letters)) });
  const kind = random(1000);
  if (kind < 600) return { type: 'set', collection, ids: ids(1), data: data(300) };
  if (kind < 650) return { type: 'set', collection, ids: ids(1), data: data(20_000) };
  // The last of these two are often too large for the smallest log.
  if (kind < 655) return { type: 'set', collection, ids: ids(1), data: data(500_000) };
  if (kind < 660) return { type: 'setMany', collection, ids: ids(60), data: data(10_000) };
  if (kind < 740) return { type: 'setMany', collection, ids: ids(7), data: data(300) };
  if (kind < 780) return { type: 'deleteMany', collection, ids: ids(5) };
  if (kind < 830) return { type: 'setSync', collection, ids: ids(1), data: data(300) };
  return { type: 'delete', collection, ids: ids(1) };
}

/** Does an operation on a SimpleDB. */
export function perform(db, { type, collection, ids, data }) {
  if (type === 'setMany')
    return db.setMany(
      collection,
      ids.map((id) => [id, data]),
    );
  if (type === 'deleteMany') return db.deleteMany(collection, ids);
  return db[type](collection, ids[0], data);
}

/** The lines of the old library's log that do the same. */
export function oldLines({ collection, ids, data }) {
  const rest = { data: data ?? null, operation: data ? 'upsert' : 'delete', timestamp: 1_700_000_000_000 };
  return ids.map((id) => `${JSON.stringify({ collection, id, ...rest })}\n`);
}

/** A document in the form in which it is compared: what it holds and its version. */
export const digest = ({ run, index, text }, version) =>
  `version ${version}, from operation ${index} of run ${run}, with ${text.length} letters`;

/** What the operations of one writer leave: a map from 'collection/id' to the digest. */
export class Model {
  documents = new Map();
  #versions = new Map();

  apply({ collection, ids, data }) {
    for (const id of ids) {
      const key = `${collection}/${id}`;
      if (data === undefined) {
        this.documents.delete(key);
        this.#versions.delete(key);
      } else {
        const version = (this.#versions.get(key) ?? 0) + 1;
        this.documents.set(key, digest(data, version));
        this.#versions.set(key, version);
      }
    }
  }

  /** How a map that was read differs: a list of sentences, empty when it does not. */
  differences(found) {
    const differences = [];
    for (const key of new Set([...this.documents.keys(), ...found.keys()])) {
      const [expected, actual] = [this.documents.get(key), found.get(key)];
      if (expected !== actual)
        differences.push(`${key}: expected ${expected ?? 'nothing'}; found ${actual ?? 'nothing'}`);
    }
    return differences;
  }
}
