'use strict';

// What an instance of a public class keeps for itself.
//
// Under a symbol in place of private members, which only the very object has that was constructed: frameworks wrap what they watch in a
// Proxy, and programs make objects whose prototype is a database. Their calls come here with another `this`.

const { typeError } = require('./errors.js');

/** Gives an instance what it keeps, out of sight of who prints or copies it. */
function keep(instance, symbol, kept) {
  // Those who wrap what they get from a Proxy as well leave alone what cannot be extended.
  Object.defineProperty(instance, symbol, { value: Object.preventExtensions(kept) });
  return kept;
}

/** The error of a call whose `this` has nothing of the kind. */
const lostReceiver = () =>
  typeError(
    'KIMDB_INVALID_RECEIVER',
    'A method was called without its database; call it as db.method(), or bind it before you pass it on: db.method.bind(db).',
  );

module.exports = { keep, lostReceiver };
