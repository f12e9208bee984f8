// All calls mixed, mostly without waiting for each other, compared with a map after each read.

import test from 'ava';
import { openSimple, pathsIn, useFolder } from './helpers/database.mjs';

const STEPS = 4000;
const KEYS = 120;

const settings = {
  'default options': {},
  'a small log and a small cache': { walSize: 2 ** 20, flushInterval: 1, bufferSize: 50, cacheBytes: 50_000 },
  'small transactions': { walSize: 2 ** 20, flushInterval: 1, batchSize: 7 },
  'no log': { walSize: 2 ** 20, flushInterval: 2, safeMode: false },
};

/** Numbers from 0 to below `range`, the same in every run (a linear congruential generator). */
function randomFrom(seed) {
  let state = seed;
  return (range) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * range);
  };
}

class Run {
  model = new Map();
  promises = [];

  constructor(t, db, random) {
    Object.assign(this, { t, db, random });
  }

  id = () => `k${this.random(KEYS)}`;
  ids = () => Array.from({ length: 5 }, this.id);

  written(id, n) {
    this.model.set(id, { n, version: (this.model.get(id)?.version ?? 0) + 1 });
  }

  check(id, document) {
    const found = document === null ? undefined : { n: document.data.n, version: document._version };
    const expected = this.model.get(id);
    if (found?.n !== expected?.n || found?.version !== expected?.version)
      this.t.deepEqual(found, expected, id);
  }

  /** What can happen, with how often. The order of writes is that of the calls. */
  steps = [
    [50, (n) => this.set(n, this.random(this.random(20) === 0 ? 60_000 : 300))],
    [2, (n) => this.set(n, 200_000 + this.random(900_000))],
    [10, () => this.delete()],
    [3, (n) => this.setSync(n)],
    [4, (n) => this.setMany(n)],
    [2, () => this.deleteMany()],
    [3, (n) => this.write(n)],
    [8, () => this.read()],
    [6, () => this.get()],
    [3, () => this.getMany()],
    [1, () => this.db.flush()],
    [1, () => this.db.flushSync()],
    [1, () => this.getAll()],
  ];

  set(n, size) {
    const id = this.id();
    this.written(id, n);
    this.promises.push(this.db.set('mixed', id, { n, text: 'x'.repeat(size) }));
  }

  delete() {
    const id = this.id();
    this.model.delete(id);
    this.promises.push(this.db.delete('mixed', id));
  }

  setSync(n) {
    const id = this.id();
    this.written(id, n);
    this.promises.push(this.db.setSync('mixed', id, { n }));
  }

  setMany(n) {
    const ids = this.ids();
    for (const id of ids) this.written(id, n);
    this.promises.push(
      this.db.setMany(
        'mixed',
        ids.map((id) => [id, { n }]),
      ),
    );
  }

  deleteMany() {
    const ids = this.ids();
    for (const id of ids) this.model.delete(id);
    this.promises.push(this.db.deleteMany('mixed', ids));
  }

  write(n) {
    const id = this.id();
    this.written(id, n);
    this.db.db.write('mixed', id, { n });
  }

  read() {
    const id = this.id();
    this.check(id, this.db.db.read('mixed', id));
  }

  async get() {
    const id = this.id();
    this.check(id, await this.db.get('mixed', id));
  }

  async getMany() {
    const ids = this.ids();
    const documents = await this.db.getMany('mixed', ids);
    for (const [i, id] of ids.entries()) this.check(id, documents[i]);
  }

  async getAll() {
    const all = await this.db.getAll('mixed', Number.POSITIVE_INFINITY);
    this.t.is(all.length, this.model.size);
    for (const document of all) this.check(document.id, document);
  }

  async step(n) {
    let place = this.random(100);
    for (const [share, run] of this.steps) {
      place -= share;
      if (place < 0) {
        await run(n);
        break;
      }
    }
    if (this.promises.length > 300) await Promise.all(this.promises.splice(0));
  }
}

for (const [index, [name, setting]] of Object.entries(settings).entries()) {
  test.serial(`mixed calls with ${name}`, async (t) => {
    const options = { ...pathsIn(useFolder(t)), shardCount: 3, logger: false, ...setting };
    const run = new Run(t, openSimple(t, options), randomFrom(index + 1));
    for (let n = 0; n < STEPS; n++) await run.step(n);
    // Whatever still waits for log space is written by close().
    run.db.close();
    for (const { status, reason } of await Promise.allSettled(run.promises)) {
      if (status === 'rejected') t.fail(String(reason));
    }
    run.db = openSimple(t, options);
    t.is(run.db.stats().recoveredWrites, 0);
    await run.getAll();
    run.db.close();
  });
}
