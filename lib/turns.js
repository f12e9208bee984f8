'use strict';

// Turns of the event loop between calls that are done at once. Their promises are settled when the program gets them, so that a loop
// which awaits one after the other would keep timers, sockets and all else waiting until its end. So after some time calls wait for the next turn.

const { performance } = require('node:perf_hooks');
const { Drain } = require('./drain.js');
const { isFake, setImmediate } = require('./immediates.js');

const now = performance.now.bind(performance);
const { nextTick } = process;
/** For microtasks: who tests with a clock of their own may have changed `queueMicrotask`. */
const resolved = Promise.resolve();

/** Longest time, in milliseconds, of calls one behind the other, with nothing from the event loop in between. */
const CHAIN_MS = 1;
/** The same of a run: chains that follow each other by ticks, as in streams of objects, and not by callbacks of the event loop. */
const RUN_MS = 10;

/** Time between two looks at the clock, and how many documents come between them at most; before the first look, fewer. */
const LOOK_MS = 0.25;
const MOST_DOCUMENTS = 64;
const FIRST_DOCUMENTS = 8;
/** So many characters of a long text count as one document. */
const CHARACTERS = 1 << 13;
/** A text of so many takes a millisecond or more by itself. */
const HEAVY = 1 << 18;

class Turns {
  /** Documents before the next look. IMPORTANT: a call that is done counts its own, and if nothing is left asks `isOver` and ends `later`. */
  left = FIRST_DOCUMENTS;
  /** The next turn, for those who wait for it. */
  #next;
  #resolve;
  #immediate;
  #interval = FIRST_DOCUMENTS;
  #looked;
  /** When the first looks were. */
  #chainStart;
  #runStart;
  #isChainOver = false;
  #isRunOver = false;
  #isHeavy = false;
  #drain = new Drain(() => this.#endRun());

  /** To be called with each text that is written or read: long ones count as several documents. */
  weigh(text) {
    if (text.length < CHARACTERS) return;
    this.left -= Math.floor(text.length / CHARACTERS);
    if (text.length < HEAVY) return;
    this.#isHeavy = true;
    this.left = 0;
  }

  /** Whether calls wait. All that come later do so too, so that single reads and writes that are done at once end in the order in which they came. */
  isOver() {
    if (this.#next === undefined && !isFake) this.#look(now());
    return this.#next !== undefined;
  }

  /** The result, in the next turn. */
  async later(result) {
    await this.#next;
    return result;
  }

  #look(time) {
    this.#adapt(time);
    if (this.#chainStart === undefined) {
      this.#chainStart = time;
      // Runs as soon as the program has nothing to go on with but ticks and what comes from the event loop.
      nextTick(this.#endChain);
    }
    this.#runStart ??= time;
    this.#drain.watch();
    if (this.#immediate === undefined) {
      this.#immediate = setImmediate(this.#endTurn);
      // Nobody waits for it yet, so that a process may end.
      this.#immediate.unref();
    }
    const wasOver = this.#isOver;
    this.#isChainOver ||= time - this.#chainStart >= CHAIN_MS;
    this.#isRunOver ||= time - this.#runStart >= RUN_MS;
    if (this.#isHeavy) {
      // What it took lies before the first look.
      this.#isHeavy = false;
      this.#isChainOver = true;
      this.#beginToWait();
    } else if (!wasOver && this.#isOver) {
      // Calls that are made together go on, as it would not help if they waited. Those behind an await come after this.
      resolved.then(this.#beginToWait);
    }
  }

  get #isOver() {
    return this.#isChainOver || this.#isRunOver;
  }

  /** Looks next after as many documents as have time. */
  #adapt(time) {
    if (this.#chainStart !== undefined) {
      const documents = this.#interval - this.left;
      const fit = Math.floor((documents * LOOK_MS) / (time - this.#looked));
      this.#interval = Math.min(Math.max(fit, 1), MOST_DOCUMENTS);
    }
    this.#looked = time;
    this.left = this.#interval;
  }

  #beginToWait = () => {
    // A tick may have ended a chain meanwhile, and another one have begun and been too long.
    if (this.#next !== undefined || !this.#isOver) return;
    this.left = 0;
    this.#next = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#immediate.ref();
  };

  #endChain = () => {
    this.#chainStart = undefined;
    this.#isChainOver = false;
    // From one that was slow back to the usual, so that a look at each call does not last.
    this.#interval = Math.min(2 * this.#interval, FIRST_DOCUMENTS);
  };

  #endRun() {
    this.#runStart = undefined;
    this.#isRunOver = false;
  }

  #endTurn = () => {
    const resolve = this.#resolve;
    this.#isHeavy = false;
    this.#endChain();
    this.#endRun();
    this.#immediate = undefined;
    this.left = this.#interval;
    this.#next = undefined;
    this.#resolve = undefined;
    resolve?.();
  };
}

module.exports = { turns: new Turns() };
