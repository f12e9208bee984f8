'use strict';

// What the engine has to tell: promises whose work is done, and events. It rings, and everything that has come is fetched.

const { channels } = require('./channels.js');
const { Events } = require('./events.js');
const { inNextTurn } = require('./immediates.js');
const { Waiters } = require('./waiters.js');

const nothing = () => undefined;
const resolved = Promise.resolve();

class Deliveries {
  #events;
  #poll = nothing;
  #hold = nothing;
  #hearSyncs = nothing;
  /** Whether each sync of the log is told, because somebody has subscribed to that. */
  #hearsSyncs = false;
  /** What is being told. It is still here where that was cut short: by a stack that is full, or a script whose time was over. */
  #untold;
  /** Whether a delivery goes on in the next turn of the event loop. */
  #hasRest = false;
  #waiters = new Waiters((on) => this.#hold(on));

  constructor(emitter) {
    this.#events = new Events(emitter);
  }

  /**
   * From now on reports are fetched with `poll`. `hold(1)` keeps the event loop alive, `hold(0)` lets it end, and `hearSyncs(on)` has
   * each sync told, or not.
   */
  begin(poll, hold, hearSyncs) {
    this.#poll = poll;
    this.#hold = hold;
    this.#hearSyncs = hearSyncs;
    this.#followSubscribers();
  }

  /** Nobody else is told anything, and nothing keeps the event loop alive. */
  end() {
    this.#hold = nothing;
    this.#hearSyncs = nothing;
    this.all();
    this.#poll = nothing;
    this.#waiters.rejectAll();
  }

  /** A promise for the work of a ticket. */
  wait(ticket) {
    return this.#waiters.wait(ticket);
  }

  /** Promises that wait. */
  get waiting() {
    return this.#waiters.size;
  }

  /** Tells promises and listeners all that the engine has reported. */
  all() {
    try {
      for (let report = this.#next(); report !== undefined; report = this.#next()) this.#tell(report);
    } catch (error) {
      // The stack was full, and has room again then.
      resolved.then(this.#goOn);
      throw error;
    }
  }

  /** The same from the event loop, which gets on with other work between parts of what has come. */
  some() {
    for (let report = this.#next(); report !== undefined; report = this.#next()) {
      this.#tell(report);
      if (report.hasMore) {
        if (!this.#hasRest) inNextTurn(this.#goOn);
        this.#hasRest = true;
        return;
      }
    }
    this.#followSubscribers();
  }

  #goOn = () => {
    this.#hasRest = false;
    this.some();
  };

  #next() {
    this.#untold ??= this.#poll();
    return this.#untold;
  }

  #tell(report) {
    if (typeof report === 'number') {
      this.#waiters.settleOne(report);
    } else {
      this.#waiters.settle(report);
      const { events } = report;
      while (events.length > 0) this.#events.tell(events.shift());
    }
    // A listener may have had the rest told, and more.
    if (this.#untold === report) this.#untold = undefined;
  }

  /** Has the engine tell of syncs as long as somebody wants to know: nobody says when that changes. */
  #followSubscribers() {
    const wanted = channels.sync.hasSubscribers;
    if (wanted === this.#hearsSyncs || this.#hearSyncs === nothing) return;
    this.#hearsSyncs = wanted;
    this.#hearSyncs(wanted);
  }
}

module.exports = { Deliveries };
