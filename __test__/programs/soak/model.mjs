// What the database must hold, in memory that is all there from the beginning: the soak run watches memory.

/** How often a key was written. Deleted keys have the bit on top. */
const DELETED = 2 ** 31;

export class Model {
  #writes;
  /** Writes up to the last delete: what came after counts for `_version`. */
  #before;
  #values;
  #names;
  /** Keys that were written at all: those below. */
  used = 0;

  constructor(keys, values, names) {
    // IMPORTANT: filled, or the system would give the memory only as the keys come.
    this.#writes = new Uint32Array(keys).fill(0);
    this.#before = new Uint32Array(keys).fill(0);
    this.#values = values;
    this.#names = names;
  }

  get keys() {
    return this.#writes.length;
  }

  collection(key) {
    return this.#names[key % this.#names.length];
  }

  id(key) {
    return `key${key}`;
  }

  /** The value to store now. */
  write(key) {
    const count = (this.#writes[key] & ~DELETED) + 1;
    this.#writes[key] = count;
    if (key >= this.used) this.used = key + 1;
    return this.#values.value(key, count);
  }

  delete(key) {
    const count = this.#writes[key] & ~DELETED;
    this.#writes[key] = (count | DELETED) >>> 0;
    this.#before[key] = count;
  }

  /** To find out whether a key was touched between the call of a read and its end. */
  state(key) {
    return this.#writes[key];
  }

  /** What is wrong with what a read found; undefined if nothing is, or if `state` is not that of now. */
  fault(key, state, found) {
    if (this.#writes[key] !== state) return undefined;
    const count = state & ~DELETED;
    const where = `${this.collection(key)}/${this.id(key)}, written ${count} times`;
    if (count === 0 || state !== count) {
      return found === null ? undefined : `${where}: found ${brief(found)}, and it is deleted`;
    }
    if (found === null) return `${where}: not found`;
    if (found.id !== this.id(key)) return `${where}: found ${brief(found)}`;
    if (found.data !== this.#values.value(key, count)) return `${where}: another value, ${brief(found)}`;
    const version = count - this.#before[key];
    if (found._version !== version) return `${where}: _version is ${found._version}, not ${version}`;
    return undefined;
  }
}

const brief = (found) => JSON.stringify(found).slice(0, 100);
