'use strict';

// JSON, byte by byte: what JSON.stringify makes of short strings and lists, of numbers, booleans and null. Each of these functions returns the end of
// what it has written, or NONE where JSON needs more than the characters as they are, or the text is long.

const { isProxy } = require('node:util').types;
const { LARGEST_DOCUMENT, LARGEST_STRING, LONGEST_LIST } = require('./small-limits.js');

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

const BILLION = 1e9;
const DIGITS_OF_REST = 9;

const { getPrototypeOf } = Object;
const { prototype: PLAIN } = Array;

/** In place of an end. */
const NONE = -1;

function putValue(bytes, at, value) {
  switch (typeof value) {
    case 'number':
      return putNumber(bytes, at, value);
    case 'string':
      return putString(bytes, at, value);
    case 'boolean':
      return putText(bytes, at, value ? 'true' : 'false');
    case 'object':
      return value === null ? putText(bytes, at, 'null') : putList(bytes, at, value);
    default:
      return NONE;
  }
}

/** A member of an object. */
function putMember(bytes, start, name, value) {
  const end = putString(bytes, start, name);
  if (end === NONE) return NONE;
  bytes[end] = COLON;
  return putValue(bytes, end + 1, value);
}

/** A plain list of few values that are not objects themselves. */
function putList(bytes, start, list) {
  if (!Array.isArray(list) || isProxy(list) || getPrototypeOf(list) !== PLAIN) return NONE;
  const { length } = list;
  if (length > LONGEST_LIST || list.toJSON !== undefined) return NONE;
  let at = start;
  bytes[at++] = OPEN_LIST;
  for (let i = 0; i < length; i++) {
    if (i > 0) bytes[at++] = COMMA;
    const value = list[i];
    if (typeof value === 'object' && value !== null) return NONE;
    at = putValue(bytes, at, value);
    if (at === NONE || at - start > LARGEST_DOCUMENT) return NONE;
  }
  bytes[at] = CLOSE_LIST;
  return at + 1;
}

function putNumber(bytes, at, value) {
  // NOTE: also true of -0, which is 0 in JSON.
  if ((value | 0) === value && value >= 0) return putDigits(bytes, at, value);
  if (!Number.isSafeInteger(value))
    return putText(bytes, at, Number.isFinite(value) ? String(value) : 'null');
  if (value < 0) bytes[at++] = MINUS;
  const size = Math.abs(value);
  const billions = Math.floor(size / BILLION);
  const rest = size - billions * BILLION;
  if (billions === 0) return putDigits(bytes, at, rest);
  const end = putDigits(bytes, at, billions) + DIGITS_OF_REST;
  // The digits of the rest do not reach up to here where they are few.
  for (let i = end - DIGITS_OF_REST; i < end; i++) bytes[i] = ZERO;
  putDigits(bytes, end - digitsOf(rest), rest);
  return end;
}

function digitsOf(number) {
  let digits = 1;
  for (let least = 10; number >= least; least *= 10) digits++;
  return digits;
}

/** A whole number of less than 2^31. */
function putDigits(bytes, at, number) {
  const end = at + digitsOf(number);
  let left = number | 0;
  for (let i = end - 1; i >= at; i--) {
    const tenth = (left / 10) | 0;
    bytes[i] = ZERO + left - 10 * tenth;
    left = tenth;
  }
  return end;
}

function putString(bytes, start, text) {
  bytes[start] = QUOTE;
  const end = putText(bytes, start + 1, text);
  if (end === NONE) return NONE;
  bytes[end] = QUOTE;
  return end + 1;
}

/** A text in UTF-8 that JSON writes as it is. */
function putText(bytes, start, text) {
  if (text.length > LARGEST_STRING) return NONE;
  let at = start;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      if (unit < SPACE || unit === QUOTE || unit === BACKSLASH) return NONE;
      bytes[at++] = unit;
      continue;
    }
    if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
    } else {
      if (unit >= FIRST_SURROGATE && unit <= LAST_SURROGATE) return NONE;
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
    }
    bytes[at++] = 0x80 | (unit & 0x3f);
  }
  return at;
}

module.exports = { NONE, putMember, putText };
