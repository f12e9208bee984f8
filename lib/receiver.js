'use strict';

// What an instance of a public class keeps for itself.
//
// Under a symbol in place of private members, which only the very object has that was constructed: frameworks wrap what they watch in a
// Proxy, whose calls come here with another `this`. And as the answer of a function, because some wrap the objects that they get from it too.
//
// Each class looks its symbol up by itself: the calls are hot, and V8 is faster where a name is always the same.

const { typeError } = require('./errors.js');

/** Gives an instance what it keeps, out of sight of who prints or copies it. */
function keep(instance, symbol, kept) {
  // Configurable, because some replace all properties.
  Object.defineProperty(instance, symbol, { value: () => kept, configurable: true });
}

/** The error of a call whose `this` has nothing of the kind. */
const lostReceiver = (what) =>
  typeError(
    'KIMDB_INVALID_RECEIVER',
    `A method was called without its ${what}; call it as ${what}.method(), or bind it before you pass it on: ${what}.method.bind(${what}).`,
  );

module.exports = { keep, lostReceiver };
