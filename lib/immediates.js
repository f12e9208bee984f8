'use strict';

// The next turn of the event loop.
//
// NOTE: the module's own function, because those who test with a clock of their own mostly change the global ones only. Some have changed this one
// before it gets here, and let their clock stand still: then there is no turn to wait for, or nothing would ever go on.

const { setImmediate } = require('node:timers');
const { promisify } = require('node:util');

const isFake = setImmediate.clock !== undefined || setImmediate[promisify.custom] === undefined;

/** Calls `work` in the next turn. */
function inNextTurn(work) {
  if (isFake) Promise.resolve().then(work);
  else setImmediate(work);
}

const waiting = [];

/**
 * A promise of a turn of the event loop that the caller has for itself, to do what takes a millisecond: of those who wait, one goes on in each
 * turn.
 */
function ownTurn() {
  return new Promise((resolve) => {
    // IMPORTANT: in this order. A stack that is full may end it in between, and a turn that nobody takes does no harm.
    if (waiting.length === 0) inNextTurn(giveTurn);
    waiting.push(resolve);
  });
}

function giveTurn() {
  waiting.shift()?.();
  if (waiting.length > 0) inNextTurn(giveTurn);
}

module.exports = { setImmediate, isFake, inNextTurn, ownTurn };
