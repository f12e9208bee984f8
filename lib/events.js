'use strict';

// Events of the engine, told to the listeners of one instance.

const { errorMonitor } = require('node:events');
const { publish } = require('./channels.js');
const { throwLater, toPublicError } = require('./errors.js');

class Events {
  #emitter;
  #hasWarned = false;

  constructor(emitter) {
    this.#emitter = emitter;
  }

  tell(event) {
    switch (event.type) {
      case 'flush':
        publish('flush', this.#emitter, { count: event.count, time: event.time });
        this.#emit('flush', { count: event.count, time: event.time });
        break;
      case 'sync':
        publish('sync', this.#emitter, { time: event.time });
        break;
      case 'retry':
        publish('retry', this.#emitter, { error: toPublicError(event.error) });
        break;
      default:
        this.#tellError(toPublicError(event.error));
    }
  }

  /** An error that nobody listens to must not end the process: it becomes one warning. */
  #tellError(error) {
    publish('error', this.#emitter, { error });
    if (this.#emitter.listenerCount('error') > 0) {
      this.#emit('error', error);
      return;
    }
    // Whoever only monitors errors hears of it too, which does not count as handling it.
    this.#emit(errorMonitor, error);
    if (!this.#hasWarned) {
      this.#hasWarned = true;
      process.emitWarning(error.message, { type: 'KimDBWarning', code: error.code });
    }
  }

  #emit(name, value) {
    try {
      this.#emitter.emit(name, value);
    } catch (error) {
      throwLater(error);
    }
  }
}

module.exports = { Events };
