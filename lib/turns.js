'use strict';

// Turns of the event loop between calls that are done at once. Their promises are settled when the program gets them, so that a loop
// which awaits one after the other would keep timers, sockets and all else waiting until its end.

// NOTE: both as in lists.js.
const { setImmediate } = require('node:timers');
const { nextTick } = process;

/** Milliseconds of calls one behind the other, after which calls wait for the event loop. */
const LONGEST = 1;
/** Documents between two looks at the clock. */
const LOOK_EVERY = 64;
/** UTF-16 units of JSON text that count as one document more, as a power of two. */
const TEXT = 12;
/**
 * Documents between two calls that wait, once the time is over. Of calls that are made together not all need to, as a promise more costs
 * time too; of many tasks that make one call after the other each comes to wait soon.
 */
const WAIT_EVERY = 8;

class Turns {
  /** Documents before the next look. IMPORTANT: a call that is done asks for `after` if nothing is left. */
  left = LOOK_EVERY;
  /** When the first look was since the program came back to the event loop, or from it. */
  #start;
  /** The next turn, for those who wait for it. */
  #next;
  #resolve;

  /** Notes that so many documents with so much text were read or written. */
  count(documents, length) {
    this.left -= documents + (length >>> TEXT);
  }

  /** The result, or a promise of it in the next turn of the event loop. */
  after(result) {
    const now = performance.now();
    if (this.#start === undefined) {
      this.#start = now;
      // Runs as soon as the program has nothing to go on with but what comes from the event loop.
      nextTick(this.#begin);
    }
    const isOver = now - this.#start >= LONGEST;
    this.left = isOver ? WAIT_EVERY : LOOK_EVERY;
    return isOver ? this.#nextTurn().then(() => result) : result;
  }

  #begin = () => {
    this.left = LOOK_EVERY;
    this.#start = undefined;
  };

  #nextTurn() {
    if (this.#next === undefined) {
      this.#next = new Promise((resolve) => {
        this.#resolve = resolve;
      });
      setImmediate(this.#turn);
    }
    return this.#next;
  }

  #turn = () => {
    const resolve = this.#resolve;
    this.#next = undefined;
    this.#begin();
    resolve();
  };
}

module.exports = { turns: new Turns() };
