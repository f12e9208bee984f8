'use strict';

// The JSON text of documents, written byte by byte into memory that the engine reads: a page. For the documents of most programs
// that takes a third to four fifths of what JSON.stringify and a string that crosses into native code take.
//
// IMPORTANT: the text is what JSON.stringify makes, byte for byte, or there is none. Whatever is rare (class instances, objects of
// another realm, cycles, BigInt, what throws) is left to JSON.stringify, which also knows what to say of it.
//
// Short ASCII texts are written here, character by character. All others are gaps: their places are noted, they are handed over
// as one string, and the engine fills them in and escapes what has to be escaped.

const { FIRST_KEY } = require('./document-keys.js');

/** Bytes of the page. Those that no document reaches take no memory. */
const SIZE = 1 << 20;
/** Its first bytes are numbers: where the text begins and ends, how many gaps there are, and the place of each. */
const TEXT_AT = 16 << 10;
const [START, END, GAPS, FIRST_GAP] = [0, 1, 2, 3];
const MOST_GAPS = TEXT_AT / 4 - FIRST_GAP;
/** What is left behind the last place where a member may begin: more than its key and a value that is no object. */
const MARGIN = 512;
const LAST = SIZE - MARGIN;

/** Longer texts are gaps. A time as toISOString() gives it is not. */
const SHORT = 24;
/** Between the texts of the gaps. */
const BETWEEN = '\0';
/** Numbers with more than so many hundredths are left to String(). */
const MOST_COUNTED = 2 ** 31 - 1;
/** Deeper documents, and cycles, are left to JSON.stringify. */
const DEEPEST = 32;
/** After documents that could not be written, one after the other, others are not tried for a while: at most so many. */
const LONGEST_PAUSE = 64;
/** Unless so few bytes were written in vain. */
const CHEAP = 64;

const page = new ArrayBuffer(SIZE);
const numbers = new Uint32Array(page, 0, TEXT_AT / 4);
const bytes = new Uint8Array(page);
const view = new DataView(page);
numbers[START] = TEXT_AT;

let at = TEXT_AT;
let gaps = 0;
let texts = '';
/** A getter or toJSON() of a document may write another document. */
let isBusy = false;
let pause = 0;
let nextPause = 1;

const PLAIN = Object.prototype;
const EMPTY = {};
const NULL = word('null');
const TRUE = word('true');
const FALS = word('fals');

function word(text) {
  return Buffer.from(text).readInt32LE();
}

/**
 * Leaves the JSON text of `data` in the page and returns the texts of its gaps. undefined: it is left to JSON.stringify.
 */
function writeDocument(data) {
  return write(data, writeOne);
}

/** The same with an array of documents as a JSON array, each of which is as it would be alone. */
function writeDocuments(list) {
  return write(list, writeAll);
}

function write(data, how) {
  if (isBusy) return undefined;
  if (pause > 0) {
    pause -= 1;
    return undefined;
  }
  isBusy = true;
  let isWritten = false;
  try {
    at = TEXT_AT;
    gaps = 0;
    texts = '';
    isWritten = how(data) && !isExtended() && (gaps === 0 || texts.isWellFormed());
  } catch {
    // JSON.stringify meets the same.
  } finally {
    isBusy = false;
  }
  const ofGaps = texts;
  texts = '';
  if (!isWritten) {
    if (at > TEXT_AT + CHEAP || gaps > 0) rest();
    return undefined;
  }
  nextPause = 1;
  numbers[END] = at;
  numbers[GAPS] = gaps;
  return ofGaps;
}

function rest() {
  pause = nextPause;
  nextPause = Math.min(2 * nextPause, LONGEST_PAUSE);
}

/** Whether a program gave all objects a member. */
function isExtended() {
  for (const _ in EMPTY) return true;
  return false;
}

function writeOne(data) {
  return writeValue(afterToJSON(data, ''), DEEPEST, FIRST_KEY);
}

function writeAll(list) {
  bytes[at++] = 0x5b;
  for (let i = 0; i < list.length; i++) {
    if (i > 0) bytes[at++] = 0x2c;
    if (at > LAST || !writeOne(list[i])) return false;
  }
  bytes[at++] = 0x5d;
  return true;
}

function afterToJSON(value, key) {
  if (typeof value !== 'object' || value === null) return value;
  const { toJSON } = value;
  return typeof toJSON === 'function' ? Reflect.apply(toJSON, value, [key]) : value;
}

/** Whether JSON leaves it out of an object and has null for it in an array. */
function isLeftOut(value) {
  return (
    value === undefined || typeof value === 'symbol' || (typeof value === 'function' && !('toJSON' in value))
  );
}

/** Writes a value, there being room for one without members, and tells whether it could. */
function writeValue(value, levels, shape) {
  if (typeof value === 'string') return writeText(value);
  if (typeof value === 'number') return writeNumber(value);
  if (typeof value === 'object') {
    if (value === null) return writeWord(NULL);
    if (levels === 0) return false;
    if (Array.isArray(value)) return writeArray(value, levels - 1, shape);
    return Object.getPrototypeOf(value) === PLAIN && writeObject(value, levels - 1, shape);
  }
  if (typeof value !== 'boolean') return false;
  writeWord(value ? TRUE : FALS);
  if (!value) bytes[at++] = 0x65;
  return true;
}

function writeArray(array, levels, shape) {
  const { length } = array;
  bytes[at++] = 0x5b;
  for (let i = 0; i < length; i++) {
    if (i > 0) bytes[at++] = 0x2c;
    if (at > LAST) return false;
    let value = array[i];
    if (typeof value === 'object') value = afterToJSON(value, String(i));
    if (!(isLeftOut(value) ? writeWord(NULL) : writeValue(value, levels, shape))) return false;
  }
  bytes[at++] = 0x5d;
  return true;
}

function writeObject(object, levels, shape) {
  let last = shape;
  let isFirst = true;
  for (const name in object) {
    let value = object[name];
    if (typeof value === 'object') value = afterToJSON(value, name);
    if (typeof value !== 'string' && typeof value !== 'number' && isLeftOut(value)) continue;
    if (at > LAST) return false;
    const key = last.next.name === name ? last.next : last.follower(name);
    const { words } = key;
    if (words.length === 0) {
      bytes[at++] = isFirst ? 0x7b : 0x2c;
      if (!writeText(name)) return false;
      bytes[at++] = 0x3a;
    } else {
      for (let i = 0, to = at; i < words.length; i++, to += 4) view.setInt32(to, words[i], true);
      at += key.length;
    }
    if (!writeValue(value, levels, typeof value === 'object' ? key.members : key)) return false;
    last = key;
    isFirst = false;
  }
  // A Number object may pass for a plain one, but it has no members.
  if (isFirst) {
    if (PLAIN.toString.call(object) !== '[object Object]') return false;
    bytes[at++] = 0x7b;
  }
  bytes[at++] = 0x7d;
  return true;
}

function writeWord(four) {
  view.setInt32(at, four, true);
  at += 4;
  return true;
}

function writeText(text) {
  const { length } = text;
  if (length > SHORT) return leaveGap(text);
  let to = at;
  bytes[to++] = 0x22;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7e || unit < 0x20 || unit === 0x22 || unit === 0x5c) return leaveGap(text);
    bytes[to++] = unit;
  }
  bytes[to] = 0x22;
  at = to + 1;
  return true;
}

function leaveGap(text) {
  if (gaps === MOST_GAPS) return false;
  if (gaps === 0) {
    texts = text;
  } else {
    if ((gaps === 1 && texts.includes(BETWEEN)) || text.includes(BETWEEN)) return false;
    texts += BETWEEN + text;
  }
  numbers[FIRST_GAP + gaps] = at;
  gaps += 1;
  return true;
}

function writeNumber(number) {
  if ((number | 0) === number && number >= 0) return writeCount(number);
  if (!Number.isFinite(number)) return writeWord(NULL);
  const size = Math.abs(number);
  const hundredths = Math.round(size * 100);
  // What is n / 100 in one way has no shorter text than that, as n has so few digits.
  if (hundredths > MOST_COUNTED || hundredths / 100 !== size) return writeDigits(String(number));
  if (number < 0) bytes[at++] = 0x2d;
  const whole = Math.trunc(size);
  writeCount(whole);
  const rest = hundredths - whole * 100;
  if (rest === 0) return true;
  const tenths = (rest / 10) | 0;
  bytes[at++] = 0x2e;
  bytes[at++] = 0x30 + tenths;
  if (rest !== tenths * 10) bytes[at++] = 0x30 + rest - tenths * 10;
  return true;
}

function writeDigits(text) {
  for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
  return true;
}

/** A whole number from 0 to 2,147,483,647. */
function writeCount(count) {
  let end = at + 1;
  for (let power = 10; power <= count; power *= 10) end += 1;
  let rest = count;
  for (let to = end; to > at; ) {
    const tenth = (rest / 10) | 0;
    bytes[--to] = 0x30 + rest - tenth * 10;
    rest = tenth;
  }
  at = end;
  return true;
}

module.exports = { page, writeDocument, writeDocuments };
