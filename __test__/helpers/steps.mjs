// Calls of the public API as plain data: how to do them on a database, and what a Map says that they read.
// made-steps.mjs makes them.

// Writes are not waited for one by one; so many may be on their way.
const MOST_ON_THEIR_WAY = 300;

const textOf = (data) => JSON.stringify(expand(data));
const expand = (data) => (Number.isInteger(data?.letters) ? 'x'.repeat(data.letters) : data);

/** Does the calls and gives what each of them read. Every write was acknowledged then. */
export async function perform(db, steps) {
  const results = [];
  const onTheirWay = [];
  for (const step of steps) {
    if (step.call === 'settle' || onTheirWay.length > MOST_ON_THEIR_WAY)
      await Promise.all(onTheirWay.splice(0));
    const outcome = doStep(db, step);
    if (writes.has(step.call)) onTheirWay.push(outcome);
    results.push(writes.has(step.call) ? undefined : shown(await outcome));
  }
  await Promise.all(onTheirWay);
  return results;
}

const writes = new Set(['set', 'delete', 'setSync', 'setMany', 'deleteMany']);

function doStep(db, { call, collection, id, ids, data, entries }) {
  const pairs = entries?.map(([id, data]) => [id, expand(data)]);
  switch (call) {
    case 'set':
    case 'setSync':
      return db[call](collection, id, expand(data));
    case 'write':
      return void db.db.write(collection, id, expand(data));
    case 'setMany':
      return db.setMany(collection, pairs);
    case 'writeBatch':
      return void db.db.writeBatch(collection, pairs);
    case 'delete':
    case 'get':
    case 'getSync':
      return db[call](collection, id);
    case 'deleteMany':
    case 'getMany':
      return db[call](collection, ids);
    case 'read':
      return db.db.read(collection, id);
    case 'getAll':
      return db.getAll(collection, Number.POSITIVE_INFINITY);
    case 'flush':
      return db.flush();
    case 'flushSync':
      return db.flushSync();
  }
}

/** What was read, as texts that compare. Only getAll has an order of its own. */
function shown(outcome) {
  if (Array.isArray(outcome)) return outcome.map(shown);
  return outcome ? `${outcome.id} version ${outcome._version}: ${JSON.stringify(outcome.data)}` : outcome;
}

/** A Map that knows what each call reads. */
export class Model {
  #documents = new Map();

  /** The same as perform(), of this model. */
  perform(steps) {
    return steps.map((step) => this.#doStep(step));
  }

  #doStep({ call, collection, id, ids, data, entries }) {
    const key = (id) => JSON.stringify([collection, String(id)]);
    const read = (id) => this.#documents.get(key(id))?.shown ?? null;
    const write = ([id, data]) => {
      const version = (this.#documents.get(key(id))?.version ?? 0) + 1;
      this.#documents.set(key(id), { version, shown: `${id} version ${version}: ${textOf(data)}` });
    };
    if (['set', 'setSync', 'write'].includes(call)) write([id, data]);
    if (['setMany', 'writeBatch'].includes(call)) entries.forEach(write);
    if (call === 'delete') this.#documents.delete(key(id));
    if (call === 'deleteMany') for (const id of ids) this.#documents.delete(key(id));
    if (['get', 'getSync', 'read'].includes(call)) return read(id);
    if (call === 'getMany') return ids.map(read);
    if (call === 'getAll') return this.#all(collection);
    return undefined;
  }

  #all(collection) {
    const theirs = [...this.#documents].filter(([key]) => JSON.parse(key)[0] === collection);
    return theirs.map(([, { shown }]) => shown);
  }
}

/** Where two results differ, in words; undefined where they do not. */
export function difference(steps, found, expected) {
  const sorted = (index, result) => (steps[index].call === 'getAll' ? [...result].sort() : (result ?? null));
  for (const index of steps.keys()) {
    const [a, b] = [found[index], expected[index]].map((result) => JSON.stringify(sorted(index, result)));
    if (a !== b) return `call ${index + 1}, ${steps[index].call}: found ${cut(a)}, expected ${cut(b)}`;
  }
  return undefined;
}

const cut = (text) => (text.length > 1000 ? `${text.slice(0, 1000)}...` : text);
