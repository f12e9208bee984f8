'use strict';

// Events of the engine, told to the listeners of one instance.

const { throwLater, toPublicError } = require('./errors.js');

class Events {
  #emitter;
  #hasWarned = false;

  constructor(emitter) {
    this.#emitter = emitter;
  }

  tell(event) {
    if (event.type === 'error') this.#tellError(toPublicError(event.error));
    else this.#emit('flush', { count: event.count, time: event.time });
  }

  /** An error that nobody listens to must not end the process: it becomes one warning. */
  #tellError(error) {
    if (this.#emitter.listenerCount('error') > 0) {
      this.#emit('error', error);
    } else if (!this.#hasWarned) {
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
