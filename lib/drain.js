'use strict';

// When the event loop has the thread again, because all ticks and microtasks are done.
//
// Node.js tells nobody. But each tick has a number, the next one of all that is asynchronous. So a tick that schedules another one by way of a
// microtask, a round later, sees by their numbers whether anybody else has scheduled something meanwhile. If nobody has for two rounds,
// nothing is left: what was scheduled before the first of them has run, and what came of that would have a number.

const { executionAsyncId } = require('node:async_hooks');

const { nextTick } = process;
const resolved = Promise.resolve();

const QUIET_ROUNDS = 2;
/** Nobody is waited for longer, as somebody else may be watching too. */
const MOST_ROUNDS = 16;

class Drain {
  #onEnd;
  #isWatched = false;
  #rounds = 0;
  #quietRounds = 0;
  /** Of the last tick, and how many come to the next one if nobody else does anything. */
  #number;
  #step;

  constructor(onEnd) {
    this.#onEnd = onEnd;
  }

  /** Calls `onEnd` when ticks and microtasks are done, if that takes few rounds. */
  watch() {
    this.#rounds = 0;
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#number = undefined;
    nextTick(this.#tick);
  }

  #tick = () => {
    const number = executionAsyncId();
    // Where nothing has numbers, as in Bun, nobody knows.
    const isNumbered = number !== this.#number;
    const isQuiet = number - this.#number === this.#step;
    this.#number = number;
    this.#rounds += 1;
    this.#quietRounds = isQuiet ? this.#quietRounds + 1 : 0;
    this.#isWatched = isNumbered && this.#quietRounds < QUIET_ROUNDS && this.#rounds < MOST_ROUNDS;
    if (this.#isWatched) resolved.then(this.#goOn);
    else if (this.#quietRounds >= QUIET_ROUNDS) this.#onEnd();
  };

  #goOn = () => {
    // With async hooks the promise of this microtask has a number too.
    this.#step = executionAsyncId() > this.#number ? 2 : 1;
    nextTick(this.#tick);
  };
}

module.exports = { Drain };
