// An endless, repeatable series of operations, and a model of what they leave. The program that is
// killed and the test that checks what it left both make it, so only its position has to be reported.

const KEYS = 300;

/** A number from 0 to below `range`, fixed by its arguments (the finaliser of MurmurHash3). */
function pick(index, salt, range) {
  let hash = Math.imul(index ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(salt + 1, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % range;
}

const key = (index, salt) => `k${pick(index, salt, KEYS)}`;
const keys = (index, count) => Array.from({ length: count }, (_, i) => key(index, 10 + i));

/** Operation number `index`: `{ type, ids, data }`. */
export function operation(index) {
  const kind = pick(index, 0, 100);
  if (kind < 70) return { type: 'set', ids: [key(index, 1)], data: { index } };
  if (kind < 80) return { type: 'delete', ids: [key(index, 1)] };
  if (kind < 84) return { type: 'setSync', ids: [key(index, 1)], data: { index } };
  if (kind < 90) return { type: 'setMany', ids: keys(index, 7), data: { index } };
  if (kind < 94) return { type: 'deleteMany', ids: keys(index, 5) };
  return { type: 'set', ids: [key(index, 1)], data: { index, text: 'x'.repeat(pick(index, 2, 20_000)) } };
}

/** Does an operation on a SimpleDB. */
export function perform(db, collection, { type, ids, data }) {
  if (type === 'setMany')
    return db.setMany(
      collection,
      ids.map((id) => [id, data]),
    );
  if (type === 'deleteMany') return db.deleteMany(collection, ids);
  return db[type](collection, ids[0], data);
}

/** What operations leave: a map from id to `{ index, _version }`. */
export class Model {
  documents = new Map();

  apply({ ids, data }) {
    for (const id of ids) {
      if (data === undefined) this.documents.delete(id);
      else
        this.documents.set(id, { index: data.index, _version: (this.documents.get(id)?._version ?? 0) + 1 });
    }
  }

  /** How what was read differs: a list of sentences, empty when it does not. */
  differences(found) {
    const differences = [];
    for (const id of new Set([...this.documents.keys(), ...found.keys()])) {
      const expected = JSON.stringify(this.documents.get(id));
      const actual = JSON.stringify(found.get(id));
      if (expected !== actual) differences.push(`${id}: expected ${expected}, found ${actual}`);
    }
    return differences;
  }
}

/** All documents of a collection, in the form of the model. */
export async function readAll(db, collection) {
  const all = await db.getAll(collection, Number.POSITIVE_INFINITY);
  return new Map(all.map(({ id, data, _version }) => [id, { index: data.index, _version }]));
}
