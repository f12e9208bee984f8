'use strict';

// One instance's connection to the native engine. Both public classes work through it; it knows
// whether the database is open, which native calls there are, and turns native errors into ours.

const { Deliveries } = require('./deliveries.js');
const { DocumentCache } = require('./document-cache.js');
const { checkCollection } = require('./documents.js');
const { closed, notOpen, toPublicError } = require('./errors.js');
const { warnOf } = require('./file-system-warning.js');
const { takeList } = require('./lists.js');
const native = require('./native.js');
const { OpeningLines } = require('./opening-lines.js');
const { newRegisters } = require('./small-documents.js');
const { Writes } = require('./writes.js');

/** The cache of JavaScript values has this part of `cacheBytes`, beside the engine's. */
const DOCUMENT_SHARE = 4;

// Stands for the last used collection when there is none; no name can equal it.
const NONE = Symbol('none');

const refuseNotOpen = () => {
  throw notOpen();
};
const refuseClosed = () => {
  throw closed();
};

class Engine {
  // The hot calls are fields, so that each costs one load. They refuse while the database is not
  // open; that is why no call here checks for it.
  read;
  registers = newRegisters();
  readPast;
  readWait;
  readMany;
  readManyPast;
  barrier;
  newId;
  /** Documents as JavaScript values. */
  documents = new DocumentCache(this.registers, 0);
  writes;

  #collection;
  #collections = new Map();
  #names = [];
  #lastName = NONE;
  #lastNumber = 0;

  #native;
  /** The native calls for whole collections, once one was made. */
  #collectionCalls;
  #durable;
  #nextDurable;
  /** Closed, and everything was brought to the disk. */
  #isSettled = false;
  #refuse = refuseNotOpen;
  #deliveries;

  constructor(emitter) {
    this.#deliveries = new Deliveries(emitter);
    this.#refuseCalls(refuseNotOpen);
  }

  get isOpen() {
    return this.#native !== undefined;
  }

  /** Neither open nor closed: nobody has opened it so far. */
  get isUnopened() {
    return !this.isOpen && this.#refuse === refuseNotOpen;
  }

  /** Attaches to the engine of this database. Returns how many writes of an earlier process it recovered. */
  open(options, log) {
    if (this.#refuse === refuseClosed) refuseClosed();
    const opened = new native.HyperScaleDB(options);
    let recovered;
    try {
      const lines = new OpeningLines(log);
      recovered = opened.open(() => this.#deliveries.some(), lines.step);
      lines.recovered(recovered);
      // The logger is the program's, and may have closed this instance, or opened it, meanwhile.
      if (this.#refuse === refuseClosed) refuseClosed();
      if (this.isOpen) {
        letGo(opened);
        return recovered;
      }
      warnOf(opened.doubtfulFileSystem());
      const hot = opened.hot();
      this.#useCalls(hot, options.cacheBytes);
      this.#deliveries.begin(hot.poll, hot.hold, (on) => opened.hearSyncs(on));
    } catch (error) {
      letGo(opened);
      throw toPublicError(error);
    }
    this.#native = opened;
    return recovered;
  }

  /** Flushes everything and lets go of the engine. Promises that wait are settled before it returns. */
  close() {
    const opened = this.#native;
    this.#native = undefined;
    this.#collectionCalls = undefined;
    this.#refuseCalls(refuseClosed);
    if (opened === undefined) return;
    try {
      opened.close();
      this.#isSettled = true;
    } catch (error) {
      throw toPublicError(error);
    } finally {
      this.#deliveries.end();
    }
  }

  /** The number by which the hot calls know a collection. */
  collection(name) {
    return name === this.#lastName ? this.#lastNumber : this.#lookUp(name);
  }

  #lookUp(name) {
    let number = this.#collections.get(name);
    if (number === undefined) {
      checkCollection(name);
      number = this.#collection(name);
      // As the name of a member it is no part of a longer text, which V8 would keep with it.
      const [kept] = Object.keys({ [name]: number });
      this.#collections.set(kept, number);
      this.#names[number] = kept;
    }
    this.#lastName = name;
    this.#lastNumber = number;
    return number;
  }

  /** The name of a collection that has a number. */
  nameOf(number) {
    return this.#names[number];
  }

  /** A promise for the work of a ticket. */
  wait(ticket) {
    return this.#deliveries.wait(ticket);
  }

  /**
   * A promise for everything written so far being on the disk. Calls of the same moment share one, and the native call
   * comes after the last of them.
   */
  durable() {
    this.#nextDurable ??= this.#durableSoon();
    return this.#nextDurable;
  }

  async #durableSoon() {
    await undefined;
    this.#nextDurable = undefined;
    if (!this.#isSettled) await this.wait(this.#durable());
  }

  /** The same behind the writes that wait for room in the log. */
  async sync() {
    await this.untilLogged();
    await this.durable();
  }

  /** Waits until every write that was called before is in the log. */
  async untilLogged() {
    const ticket = this.barrier();
    if (ticket !== undefined) await this.wait(ticket);
  }

  /** Flushes everything written so far. */
  flush() {
    return this.wait(this.invoke('flush'));
  }

  flushSync() {
    try {
      this.invoke('flushSync');
    } finally {
      this.#deliveries.all();
    }
  }

  /** Up to `limit` documents of a collection, after a flush. */
  async getAll(collection, limit) {
    checkCollection(collection);
    const whole = this.#wholeCollections();
    const ticket = whole.getAll(collection, limit);
    return takeList(whole, ticket, this.wait(ticket), collection);
  }

  /** Names of the collections. */
  collections() {
    return Array.from(this.#wholeCollections().collections());
  }

  /** Number of documents of a collection, as flushed. */
  count(collection) {
    try {
      return this.#wholeCollections().count(collection);
    } catch (error) {
      throw toPublicError(error);
    }
  }

  /** All documents of a collection, as flushed, as buffers with whole lines of JSON of about so many bytes. */
  *pages(collection, bytes) {
    try {
      const pages = this.#wholeCollections().pages(collection);
      for (let lines = pages.next(bytes); lines !== null; lines = pages.next(bytes)) yield lines;
    } catch (error) {
      throw toPublicError(error);
    }
  }

  #wholeCollections() {
    if (this.#native === undefined) this.#refuse();
    this.#collectionCalls ??= new native.SimpleDB(this.#native);
    return this.#collectionCalls;
  }

  /** Calls that have not ended. */
  get waitingCalls() {
    return this.#deliveries.waiting;
  }

  /** How many documents each shard holds, as flushed. */
  async shardRows() {
    const [text] = await this.wait(this.invoke('shardRows'));
    return JSON.parse(text);
  }

  clearCache() {
    this.documents.clear();
    this.invoke('clearCache');
  }

  /** A call that is not hot, by its native name. */
  invoke(method, a, b, c) {
    if (this.#native === undefined) this.#refuse();
    try {
      return this.#native[method](a, b, c);
    } catch (error) {
      throw toPublicError(error);
    }
  }

  #useCalls(hot, cacheBytes) {
    this.registers = hot.registers;
    this.documents = new DocumentCache(hot.registers, cacheBytes / DOCUMENT_SHARE);
    this.#assign((name) => hot[name]);
  }

  #refuseCalls(refuse) {
    this.#refuse = refuse;
    this.#assign(() => refuse);
    this.documents.clear();
    this.#collections.clear();
    this.#lastName = NONE;
  }

  #assign(callOf) {
    this.writes = new Writes(callOf, this.registers, this.documents);
    this.read = callOf('read');
    this.readPast = callOf('readPast');
    this.readWait = callOf('readWait');
    this.readMany = callOf('readMany');
    this.readManyPast = callOf('readManyPast');
    this.barrier = callOf('barrier');
    this.newId = callOf('newId');
    this.#collection = callOf('collection');
    this.#durable = callOf('durable');
  }
}

/** Closes an engine that could not be opened fully; the first error is the one that matters. */
function letGo(opened) {
  try {
    opened.close();
  } catch {}
}

module.exports = { Engine };
