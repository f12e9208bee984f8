'use strict';

// Documents as JavaScript values: a read that finds its document here needs neither the engine nor
// JSON.parse, only a copy, and the copy takes a tenth of the time.
//
// IMPORTANT: nothing here may be older than what the engine has. So a document is kept only if the
// engine's own cache had it (what is buffered is never kept), every write of this instance lets go
// of its document first, and everything is forgotten as soon as the engine changes the epoch among the
// registers: it is NaN, which equals nothing, while another instance or thread has the database open,
// and another number when another program has written to a shard file.
//
// Where documents are read that nobody reads again, looking here costs and finds nothing, and what is kept in vain costs the garbage
// collector. So the cache rests then: it finds and takes nothing, but lets go of what changes.

/** Places in the registers that the engine fills and this reads. */
const VERSION = 0;
const BUFFERED = 1;
const CACHED = 2;
const EPOCH = 3;

/** What a document takes on the heap beside its text, about: entry, map, objects. */
const OVERHEAD = 200;
/** Texts become objects of about twice their size. */
const GROWTH = 2;
/** No document may take more than this part of the cache. */
const LARGEST_PART = 64;
/** Nor are more bytes than this copied at once: that takes some milliseconds. */
const MOST_AT_ONCE = 1 << 20;
/** Deeper documents are not kept: copying them would need much stack. */
const DEEPEST = 50;
/**
 * Nor are those with an object of more members, or with numbers for names: V8 has such objects in another form, which it copies more slowly than
 * JSON.parse makes them.
 */
const WIDEST = 127;
/** Once the cache was full, only every so many of those that would come in does: most would be pushed out unread. */
const ADMIT_EVERY = 4;
/** After so many reads is judged whether it is worth looking here. */
const ROUND = 1024;
/**
 * Fewer of a round are not, of those that found something or, as long as there is room, brought something. Measured: where half of
 * the reads find their documents, looking and keeping cost what finding saves.
 */
const WORTH = (ROUND * 7) / 16;
/** Nobody looks for a round then, and for more after each further round that was not worth it, up to so many. */
const LONGEST_REST = 7;

class DocumentCache {
  #registers;
  #epoch = Number.NaN;
  #limit;
  /** By collection number: documents read since the last turn, and those read in the turn before that. */
  #young = [];
  #old = [];
  #youngBytes = 0;
  #oldBytes = 0;
  #wasFull = false;
  #refused = 0;
  #hits = 0;
  #left = ROUND;
  #usesOfRound = 0;
  #isResting = false;
  #nextRest = 1;
  /** The document that was just looked for is not worth keeping. */
  #isUnfit = false;

  /** `limit`: bytes, estimated. */
  constructor(registers, limit) {
    this.#registers = registers;
    this.#limit = limit;
  }

  /** A fresh copy of the document, or undefined. */
  find(number, id) {
    this.#isUnfit = false;
    if (--this.#left === 0) this.#judge();
    if (this.#isResting) return undefined;
    if (this.#registers[EPOCH] !== this.#epoch) this.#renew();
    const kept = this.#young[number]?.get(id) ?? this.#rejuvenate(number, id);
    if (kept === undefined) return undefined;
    if (kept.data === undefined) {
      this.#isUnfit = true;
      return undefined;
    }
    this.#hits += 1;
    this.#usesOfRound += 1;
    return { id, data: copyOf(kept), _version: kept.version };
  }

  /** Fresh copies of all these documents, or undefined where one is not here, or they are too large to be copied at once. */
  findAll(number, ids) {
    // Looked at before anything is copied or counts as a hit.
    if (this.#isResting || this.#registers[EPOCH] !== this.#epoch) return undefined;
    let bytes = 0;
    for (const id of ids) {
      const kept = this.#keptOf(number, id);
      if (kept?.data === undefined) return undefined;
      bytes += kept.bytes;
      if (bytes > MOST_AT_ONCE && ids.length > 1) return undefined;
    }
    const found = [];
    for (const id of ids) {
      const document = this.find(number, id);
      // A round may end meanwhile, and what comes into use again may push others out.
      if (document === undefined) return undefined;
      found.push(document);
    }
    return found;
  }

  /** Considers a document that was just read and parsed; `data` is the caller's unless this answers a copy of it. */
  offer(number, id, text, data) {
    const isUnfit = this.#isUnfit;
    this.#isUnfit = false;
    if (this.#isResting || isUnfit) return data;
    const registers = this.#registers;
    if (registers[CACHED] === 0 || registers[EPOCH] !== this.#epoch) return data;
    const bytes = OVERHEAD + GROWTH * (id.length + text.length);
    if (bytes > this.#limit / LARGEST_PART) return data;
    if (this.#wasFull && ++this.#refused % ADMIT_EVERY !== 0) return data;
    const own = ownText(id);
    if (!isFit(data, DEEPEST)) {
      // Only this, so that `find` knows it the next time.
      this.forget(number, id);
      this.#put(number, own, { id: own, bytes: OVERHEAD + GROWTH * id.length });
      return data;
    }
    const kept = { id: own, data, inner: innerOf(data), version: registers[VERSION], bytes };
    // Not every read has looked here before.
    this.forget(number, id);
    this.#put(number, own, kept);
    if (!this.#wasFull) this.#usesOfRound += 1;
    return copyOf(kept);
  }

  /** Lets go of a document that is about to change. */
  forget(number, id) {
    if (this.#youngBytes > 0) this.#youngBytes -= take(this.#young[number], id)?.bytes ?? 0;
    if (this.#oldBytes > 0) this.#oldBytes -= take(this.#old[number], id)?.bytes ?? 0;
  }

  clear() {
    this.#young = [];
    this.#old = [];
    this.#youngBytes = 0;
    this.#oldBytes = 0;
    this.#wasFull = false;
    this.#nextRest = 1;
    this.#look();
  }

  /** Bytes, estimated. */
  get bytes() {
    return this.#youngBytes + this.#oldBytes;
  }

  /** Hits since this was asked last. */
  takeHits() {
    const hits = this.#hits;
    this.#hits = 0;
    return hits;
  }

  #keptOf(number, id) {
    return this.#young[number]?.get(id) ?? this.#old[number]?.get(id);
  }

  #judge() {
    const isOver = this.#isResting;
    const isWorth = this.#usesOfRound >= WORTH;
    this.#look();
    if (isOver) return;
    if (isWorth) {
      this.#nextRest = 1;
      return;
    }
    this.#isResting = true;
    this.#left = this.#nextRest * ROUND;
    this.#nextRest = Math.min(2 * this.#nextRest + 1, LONGEST_REST);
  }

  /** Begins a round. */
  #look() {
    this.#isResting = false;
    this.#left = ROUND;
    this.#usesOfRound = 0;
  }

  #renew() {
    if (this.bytes > 0) this.clear();
    this.#epoch = this.#registers[EPOCH];
  }

  #rejuvenate(number, id) {
    const kept = take(this.#old[number], id);
    if (kept === undefined) return undefined;
    this.#oldBytes -= kept.bytes;
    this.#put(number, kept.id, kept);
    return kept;
  }

  #put(number, id, kept) {
    if (this.#youngBytes + kept.bytes > this.#limit / 2) {
      this.#old = this.#young;
      this.#oldBytes = this.#youngBytes;
      this.#young = [];
      this.#youngBytes = 0;
      this.#wasFull = true;
    }
    this.#young[number] ??= new Map();
    this.#young[number].set(id, kept);
    this.#youngBytes += kept.bytes;
  }
}

/** The same text in memory of its own: V8 keeps one that was cut out of another as a part of that, and all of it alive. */
const ownText = (text) => ` ${text}`.slice(1);

function take(map, id) {
  const kept = map?.get(id);
  if (kept !== undefined) map.delete(id);
  return kept;
}

const isNested = (value) => typeof value === 'object' && value !== null;

/** Whether a copy takes less than what JSON.parse makes, with so many levels at most. */
function isFit(value, levels) {
  if (!isNested(value)) return true;
  const members = Object.values(value);
  if (levels === 0 || (!Array.isArray(value) && (members.length > WIDEST || hasNumbers(value)))) return false;
  return members.every((member) => isFit(member, levels - 1));
}

/** Whether members have numbers for names. They come before all others. */
function hasNumbers(object) {
  for (const name in object) return String(name >>> 0) === name;
  return false;
}

/** The names of the members that are objects themselves; undefined for what is no plain object. */
function innerOf(data) {
  if (!isNested(data) || Array.isArray(data)) return undefined;
  return Object.keys(data).filter((name) => isNested(data[name]));
}

function copyOf({ data, inner }) {
  if (inner === undefined) return copy(data);
  // NOTE: a member called __proto__ is an own property, here as in what JSON.parse makes, and stays one.
  const made = { ...data };
  for (let i = 0; i < inner.length; i++) made[inner[i]] = copy(made[inner[i]]);
  return made;
}

/** A value as JSON.parse makes them, again. */
function copy(value) {
  if (!isNested(value)) return value;
  if (Array.isArray(value)) return value.map(copy);
  return copyOf({ data: value, inner: innerOf(value) });
}

module.exports = { DocumentCache, VERSION, BUFFERED };
