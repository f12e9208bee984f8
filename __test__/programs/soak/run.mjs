// The soak run: writes faster than the disk takes it, reads and compares meanwhile, prints what it holds every second.
//
// Lines of JSON: `{ sample }` every second, `{ fault }` at once, `{ done }` at the end.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { SimpleDB } from 'kimdb/hyperscale';
import { randomFrom } from '../../helpers/random.mjs';
import { Model } from './model.mjs';
import { ALWAYS_HUGE, valuesOf } from './values.mjs';

const MIB = 2 ** 20;
const { folder, seconds, keys, huge, seed, verify } = JSON.parse(process.argv[2]);
const NAMES = ['users', 'orders', '사용자', 'x"; DROP TABLE', 'logs'];
/** Each of the small databases has this part of the keys. */
const PART = 20;
/** Of so many calls one writes a huge value. */
const HUGE_EACH = 20_000;
/** Calls between two turns of the event loop. */
const AT_ONCE = 500;
/** Bytes of the values that fill a log in one turn, and how many there are at the most. */
const SURGE_BYTES = MIB / 4;
const SURGE_MOST = 64;

const random = randomFrom(seed);
const values = valuesOf(seed, huge);
const tell = (line) => console.log(JSON.stringify(line));
const counts = { writes: 0, reads: 0, verified: 0, reopened: 0, huge: 0, refused: 0, full: 0 };

/** A database with its model and a few instances. */
class Subject {
  constructor(name, count, keys, options) {
    this.options = {
      dbPath: join(folder, `${name}.db`),
      walPath: join(folder, `${name}.wal`),
      logger: false,
      // A disk that is busy for a minute is no fault.
      writeTimeout: 600_000,
      ...options,
    };
    this.model = new Model(keys, values, NAMES);
    this.count = count;
    this.open();
  }

  open() {
    this.instances = Array.from({ length: this.count }, () => new SimpleDB(this.options));
    for (const db of this.instances) db.on('error', (error) => fault(`event: ${error.stack}`));
  }

  close() {
    for (const db of this.instances) db.close();
  }

  get db() {
    return this.instances[random(this.instances.length)];
  }
}

// The three ways of a write: through the ring; beside it, where it is too large for a small one; without a log file.
const subjects = [
  new Subject('main', 2, keys, {}),
  new Subject('small', 2, Math.ceil(keys / PART), { walSize: 2 * MIB, shardCount: 3, cacheBytes: 2 * MIB }),
  new Subject('memory', 1, Math.ceil(keys / PART), { safeMode: false, shardCount: 2, walSize: 8 * MIB }),
];

let hasFault = false;
function fault(text) {
  hasFault = true;
  tell({ fault: text });
}

/** A read that still waits when its database is closed is refused. A write would be missed in the end. */
function failed(error) {
  if (error.code === 'KIMDB_CLOSED') counts.refused += 1;
  else fault(error.stack);
}

const end = Date.now() + seconds * 1000;
const part = (share) => Math.max(1000, seconds * 1000 * share);
const sampler = setInterval(sample, Math.min(1000, seconds * 20));
let nextReopen = Date.now() + part(0.06);
const reopenEvery = Math.min(60_000, part(0.06));

while (Date.now() < end && !hasFault) {
  // Now floods without waiting for anything, now one call after the other.
  const floods = Math.floor((end - Date.now()) / part(0.02)) % 4 !== 0;
  for (let i = 0; i < AT_ONCE; i++) {
    const done = step(pick(), floods);
    const settled = done?.catch(failed);
    if (!floods) await settled;
  }
  if (floods && subjects.some(({ db }) => db.stats().waitingBytes > 0)) counts.full += 1;
  await turn();
  if (Date.now() >= nextReopen) {
    if (surge(subjects[1])) counts.full += 1;
    reopen(subjects[counts.reopened++ % subjects.length]);
    nextReopen = Date.now() + reopenEvery;
  }
}
for (const { db } of subjects) await db.flush();
clearInterval(sampler);
sample();
for (const subject of subjects) {
  subject.close();
  subject.open();
  await compare(subject);
  subject.close();
}
tell({ done: { ...counts, keys: subjects.map(({ model }) => model.used), disk: diskBytes() } });

function pick() {
  const at = random(10);
  return at < 8 ? subjects[0] : subjects[at - 7];
}

/** Mostly new keys until all are there, then any. */
function keyToWrite({ model }) {
  if (model.used < model.keys && random(10) < 7) return model.used;
  return keyToRead({ model });
}

function keyToRead({ model }) {
  return random(Math.max(1, model.used));
}

/** One call by chance. A flood is mostly writes. */
function step(subject, floods) {
  const { db, model } = subject;
  if (random(HUGE_EACH) === 0) return setHuge(subject);
  const dice = floods && random(10) !== 0 ? 100 + random(60_000) : random(100_000);
  if (dice < 20) return getAll(subject);
  if (dice < 25) return db.flush();
  if (dice < 60_000) return set(subject, dice);
  if (dice < 65_000) return remove(subject);
  if (dice < 65_500) return setMany(subject);
  if (dice < 65_600) return deleteMany(subject);
  if (dice < 98_000) return get(subject);
  const first = keyToRead(subject);
  const name = model.collection(first);
  const all = Array.from({ length: 20 }, (_, i) => first + i * NAMES.length).filter(
    (key) => key < model.used,
  );
  return getMany(subject, name, all);
}

function set(subject, dice) {
  const { db, model } = subject;
  let key = keyToWrite(subject);
  // Of the huge values only those of the first keys change, now and then: see below.
  if (values.isHuge(key) && key < model.used) key = Math.min(model.used, model.keys - 1);
  const [name, id, value] = [model.collection(key), model.id(key), model.write(key)];
  counts.writes += 1;
  if (values.isHuge(key)) counts.huge += 1;
  return dice % 200 === 0 ? db.setSync(name, id, value) : db.set(name, id, value);
}

/** Fills a log within one turn, which no disk is fast enough for. Whether writes wait for room then. */
function surge({ db }) {
  for (let i = 0; i < SURGE_MOST; i++) {
    counts.writes += 1;
    db.set('surge', 'last', String(i).padStart(SURGE_BYTES, '-')).catch(failed);
    if (db.stats().waitingBytes > 0) return true;
  }
  return false;
}

function setHuge({ db, model }) {
  const key = random(Math.min(ALWAYS_HUGE, model.used + 1));
  counts.writes += 1;
  counts.huge += 1;
  return db.set(model.collection(key), model.id(key), model.write(key));
}

function remove(subject) {
  const { db, model } = subject;
  const key = keyToRead(subject);
  model.delete(key);
  counts.writes += 1;
  return db.delete(model.collection(key), model.id(key));
}

/** Keys of one collection, each once. */
function keysTogether(subject) {
  const first = keyToRead(subject);
  const all = Array.from({ length: 1 + random(30) }, (_, i) => first + i * NAMES.length);
  return all.filter((key) => key < subject.model.used && !values.isHuge(key));
}

function setMany(subject) {
  const { db, model } = subject;
  const all = keysTogether(subject);
  if (all.length === 0) return undefined;
  counts.writes += all.length;
  return db.setMany(
    model.collection(all[0]),
    all.map((key) => [model.id(key), model.write(key)]),
  );
}

function deleteMany(subject) {
  const { db, model } = subject;
  const all = keysTogether(subject);
  if (all.length === 0) return undefined;
  for (const key of all) model.delete(key);
  counts.writes += all.length;
  return db.deleteMany(
    model.collection(all[0]),
    all.map((key) => model.id(key)),
  );
}

async function get(subject) {
  const { db, model } = subject;
  const key = keyToRead(subject);
  const state = model.state(key);
  check(subject, key, state, await db.get(model.collection(key), model.id(key)));
}

async function getMany({ db, model }, name, all) {
  const states = all.map((key) => model.state(key));
  const found = await db.getMany(
    name,
    all.map((key) => model.id(key)),
  );
  for (const [i, key] of all.entries()) check({ model }, key, states[i], found[i]);
}

/** Of a collection of few documents: it goes through all of them. */
async function getAll({ db }) {
  counts.reads += 1;
  const found = await db.getAll('few', 10);
  if (found.length > 10) fault(`getAll gave ${found.length} documents`);
  const id = `few${random(100)}`;
  await db.set('few', id, id);
  if ((await db.get('few', id))?.data !== id) fault(`${id} is not what was written`);
}

function check({ model }, key, state, found) {
  counts.reads += 1;
  const what = model.fault(key, state, found);
  if (what !== undefined) fault(what);
}

function reopen(subject) {
  subject.close();
  subject.open();
}

/** Everything, or a sample of so many keys. */
async function compare(subject) {
  const { db, model } = subject;
  const each = Math.max(1, Math.floor(model.used / verify));
  for (let name = 0; name < NAMES.length; name++) {
    const all = [];
    const stride = NAMES.length * each;
    for (let key = name; key < model.used; key += stride) if (!values.isHuge(key)) all.push(key);
    for (let from = 0; from < all.length; from += 500) {
      const some = all.slice(from, from + 500);
      await getMany({ db, model }, NAMES[name], some);
      counts.verified += some.length;
    }
  }
  for (let key = 0; key < model.used; key++) {
    if (!values.isHuge(key)) continue;
    check(subject, key, model.state(key), await db.get(model.collection(key), model.id(key)));
    counts.verified += 1;
  }
}

function sample() {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
  const sum = {};
  for (const { instances } of subjects) {
    for (const [name, value] of Object.entries(instances[0].stats())) {
      if (typeof value === 'number') sum[name] = (sum[name] ?? 0) + value;
    }
  }
  const {
    memoryBytes,
    cacheBytes,
    sqliteBytes,
    indexBytes,
    waitingBytes,
    walBytes,
    bufferSize,
    waitingCalls,
  } = sum;
  tell({
    sample: {
      ...{ rss, anonymous: anonymousBytes(), heapUsed, heapTotal, external, arrayBuffers },
      ...{
        memoryBytes,
        cacheBytes,
        sqliteBytes,
        indexBytes,
        waitingBytes,
        walBytes,
        bufferSize,
        waitingCalls,
      },
      ...{ disk: diskBytes(), keys: subjects[0].model.used, ...counts },
    },
  });
}

/** Memory that is no page of a file, where the system tells (Linux). */
function anonymousBytes() {
  try {
    return Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  } catch {
    return undefined;
  }
}

function diskBytes() {
  const sizes = readdirSync(folder).map(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0,
  );
  return sizes.reduce((total, size) => total + size, 0);
}
