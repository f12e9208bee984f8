'use strict';

// What can go wrong, as the user sees it: KimDBError for what the database met, TypeError and
// RangeError with a `code` for wrong arguments. Nothing else leaves the package.

const { isProxy } = require('node:util').types;

const DETAILS = ['path', 'collection', 'id', 'shard'];

// The engine gives causes as text.
const asError = (cause) => (typeof cause === 'string' ? new Error(cause) : cause);

class KimDBError extends Error {
  constructor(message, details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: asError(details.cause) });
    this.code = details.code ?? 'KIMDB_INTERNAL';
    for (const name of DETAILS) {
      if (details[name] !== undefined) this[name] = details[name];
    }
  }
}
// On the prototype, so that a printed error does not repeat it among its own properties.
Object.defineProperty(KimDBError.prototype, 'name', {
  value: 'KimDBError',
  writable: true,
  configurable: true,
});

/** Whether an error already is one that callers may see. */
function isOurs(error) {
  try {
    return typeof error?.code === 'string' && error.code.startsWith('KIMDB_');
  } catch {
    return false;
  }
}

/** What was thrown, in words. It may be anything, also what cannot be made into text. */
function messageOf(thrown) {
  try {
    const { message } = Object(thrown);
    return typeof message === 'string' ? message : String(thrown);
  } catch {
    return 'something was thrown that is no error';
  }
}

/** What a native call threw, as the error that the caller gets. Our own errors pass unchanged. */
function toPublicError(error) {
  if (!isOurs(error)) {
    const message = `The engine failed in an unexpected way: ${messageOf(error)}`;
    return new KimDBError(message, { code: 'KIMDB_INTERNAL', cause: error });
  }
  const isFinal = error instanceof KimDBError || error instanceof TypeError || error instanceof RangeError;
  return isFinal ? error : new KimDBError(error.message, error);
}

/** Errors that were made where a report came in, long after the call. */
const late = new WeakSet();

function noteLate(error) {
  late.add(error);
  return error;
}

/** Has a late error tell who called `method`, in which it has arrived. */
function tellCaller(error, method) {
  if (late.delete(error)) Error.captureStackTrace(error, method);
}

function typeError(code, message, cause) {
  return Object.assign(cause === undefined ? new TypeError(message) : new TypeError(message, { cause }), {
    code,
  });
}

function rangeError(code, message) {
  return Object.assign(new RangeError(message), { code });
}

const notOpen = () =>
  new KimDBError('The database is not open yet; call init() first.', { code: 'KIMDB_NOT_OPEN' });

const closed = () =>
  new KimDBError('The database is closed; open it again with a new instance.', {
    code: 'KIMDB_CLOSED',
  });

/** A value in a few words, for messages. */
function describe(value) {
  if (typeof value === 'string') {
    return value.length > 60 ? `${JSON.stringify(value.slice(0, 60))}...` : JSON.stringify(value);
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  // NOTE: Array.isArray() throws for a proxy that was revoked.
  if (typeof value === 'object' && value !== null) {
    return !isProxy(value) && Array.isArray(value) ? 'an array' : 'an object';
  }
  return String(value);
}

/** Throws what a user's callback threw as a normal uncaught exception, without stopping our own work. */
function throwLater(error) {
  process.nextTick(() => {
    throw error;
  });
}

module.exports = {
  KimDBError,
  isOurs,
  messageOf,
  toPublicError,
  noteLate,
  tellCaller,
  typeError,
  rangeError,
  notOpen,
  closed,
  describe,
  throwLater,
};
