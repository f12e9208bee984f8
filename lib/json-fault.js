'use strict';

// Finds out why JSON.stringify refused a value, and where in it. Runs only after it refused.

const { KimDBError, describe, messageOf, typeError } = require('./errors.js');

const CODE = 'KIMDB_INVALID_DATA';

/** The error for `data`, for which JSON.stringify threw `thrown`. */
function explainFault(data, where, thrown) {
  const message = messageOf(thrown);
  if (isRangeError(thrown)) {
    if (/string length/i.test(message)) {
      return new KimDBError(
        `${where} is too large: its JSON text is longer than a JavaScript string can be`,
        {
          code: 'KIMDB_TOO_LARGE',
          cause: thrown,
        },
      );
    }
    if (/call stack/i.test(message)) {
      return typeError(CODE, `${where} is nested too deeply for JSON`, thrown);
    }
  }
  const fault = findFault(data, where, '', new Map()) ?? { path: where, problem: message };
  // Where toJSON() or a getter threw, `thrown` is the user's own error.
  return typeError(CODE, `${fault.path} cannot be stored as JSON: ${fault.problem}`, thrown);
}

function isRangeError(thrown) {
  try {
    return thrown instanceof RangeError;
  } catch {
    return false;
  }
}

/** The error for `data`, which JSON.stringify turned into undefined. */
function noJsonForm(data, where) {
  const got =
    typeof data === 'object' && data !== null ? 'an object whose toJSON() gives none' : describe(data);
  return typeError(CODE, `${where} must be a value that JSON can hold, got ${got}`);
}

/**
 * The first fault in the order in which JSON.stringify walks: `{ path, problem }`, or
 * undefined. `ancestors` maps the objects on the way here to their paths.
 */
function findFault(value, path, key, ancestors) {
  try {
    value = jsonValue(value, key);
    if (typeof value === 'bigint' || value instanceof BigInt) {
      return { path, problem: 'it is a BigInt; convert it to a string or a number' };
    }
    if (typeof value !== 'object' || value === null) return undefined;
    if (ancestors.has(value)) {
      return { path, problem: `it is a cycle, back to ${ancestors.get(value)}` };
    }
    ancestors.set(value, path);
    const fault = findFaultInside(value, path, ancestors);
    ancestors.delete(value);
    return fault;
  } catch (cause) {
    return { path, problem: messageOf(cause) };
  }
}

function findFaultInside(value, path, ancestors) {
  const isArray = Array.isArray(value);
  for (const key of Object.keys(value)) {
    const place = path + (isArray ? `[${key}]` : propertyPath(key));
    let member;
    try {
      member = value[key];
    } catch (cause) {
      return { path: place, problem: messageOf(cause) };
    }
    const fault = findFault(member, place, key, ancestors);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The value that JSON would write: what toJSON() gives, where there is one. */
function jsonValue(value, key) {
  const canHaveMethods = (typeof value === 'object' && value !== null) || typeof value === 'bigint';
  return canHaveMethods && typeof value.toJSON === 'function' ? value.toJSON(key) : value;
}

const propertyPath = (key) =>
  /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;

module.exports = { explainFault, noJsonForm };
