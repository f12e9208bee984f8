'use strict';

// How the command line ends: exit codes, and errors as a person reads them.

const { constants } = require('node:os');
const { isOurs } = require('../errors.js');

const EXIT = { done: 0, found: 1, failed: 2, inUse: 3 };

/** Errors that say that somebody else is at work on the database. */
const IN_USE = ['KIMDB_LOCKED', 'KIMDB_BUSY'];

/** Something that the person at the command line can do something about. */
class Failure extends Error {
  constructor(message, exitCode = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The exit code of a program that a signal ended. */
const exitCodeOf = (signal) => 128 + constants.signals[signal];

/** `{ exitCode, text, stack }` for whatever a command threw; without a text there is nothing to say. */
function explain(error) {
  // Whoever read the output has seen enough, as `head` does.
  if (error?.code === 'EPIPE') return { exitCode: EXIT.done };
  if (error instanceof Failure) return { exitCode: error.exitCode, text: error.message };
  if (isOurs(error)) {
    const exitCode = IN_USE.includes(error.code) ? EXIT.inUse : EXIT.failed;
    return { exitCode, text: `${error.message} (${error.code})` };
  }
  // The operating system's own.
  if (typeof error?.syscall === 'string') return { exitCode: EXIT.failed, text: error.message };
  return {
    exitCode: EXIT.failed,
    text: 'This should not have happened; please report it.',
    stack: String(error?.stack ?? error),
  };
}

module.exports = { EXIT, Failure, exitCodeOf, explain };
