'use strict';

// Promises for tickets: a native call that cannot finish at once returns a ticket, and a later
// poll says how it went. While any ticket is open the event loop stays alive.

const { closed, noteLate, toPublicError } = require('./errors.js');

/** Numbers and texts of one read in a report. */
const READ = 4;

class Waiters {
  #open = new Map();
  #hold;

  /** `hold(1)` keeps the event loop alive, `hold(0)` lets it end. */
  constructor(hold) {
    this.#hold = hold;
  }

  /** Promises that wait. */
  get size() {
    return this.#open.size;
  }

  /**
   * A promise for what the ticket's work results in: undefined, the texts of a query, or a read's text, version and whether
   * it is buffered.
   */
  wait(ticket) {
    return new Promise((resolve, reject) => {
      if (this.#open.size === 0) this.#hold(1);
      this.#open.set(ticket, { resolve, reject });
    });
  }

  /** Settles the promise of a ticket that has no result. */
  settleOne(ticket) {
    this.#resolve(ticket, undefined);
  }

  /** Settles the promises of all tickets that a poll reports. Again, where that was cut short, it settles the others. */
  settle({ done, results, reads, failed }) {
    for (const ticket of done) this.#resolve(ticket, undefined);
    for (const { ticket, texts } of results) this.#resolve(ticket, texts);
    for (let i = 0; i < reads.length; i += READ) this.#resolve(reads[i], reads.slice(i + 1, i + READ));
    for (const { ticket, error } of failed) this.#reject(ticket, noteLate(toPublicError(error)));
  }

  /** Fails what is still open when the database is closed. */
  rejectAll() {
    for (const ticket of [...this.#open.keys()]) this.#reject(ticket, noteLate(closed()));
  }

  #resolve(ticket, result) {
    this.#open.get(ticket)?.resolve(result);
    this.#end(ticket);
  }

  #reject(ticket, error) {
    this.#open.get(ticket)?.reject(error);
    this.#end(ticket);
  }

  /** IMPORTANT: once its promise is settled. A stack that is full may cut this short at any call. */
  #end(ticket) {
    this.#open.delete(ticket);
    if (this.#open.size === 0) this.#hold(0);
  }
}

module.exports = { Waiters };
