'use strict';

// Lines out of chunks of bytes, and documents out of lines.

const { checkCollection, serialise, writableId } = require('../documents.js');
const { describe } = require('../errors.js');
const { LONGEST, TOO_LONG, decode } = require('./input.js');

const NEWLINE = 10;
const FIELDS = ['collection', 'id', 'data', '_version', 'created_at', 'updated_at'];

/**
 * Cuts a stream of chunks into lines. Keeps no more than the line that is not whole yet, and of one that is too long for a
 * document only how long it is: `undefined` comes in its place.
 */
class Lines {
  #rest = [];
  #length = 0;
  #longest;

  constructor(longest = LONGEST) {
    this.#longest = longest;
  }

  /** The lines that a chunk completes. */
  *push(chunk) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      yield this.#complete(chunk.subarray(start, end));
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** The last line, if nothing ends it. */
  *end() {
    if (this.#length > 0) yield this.#complete(Buffer.alloc(0));
  }

  #keep(piece) {
    this.#length += piece.length;
    if (this.#length <= this.#longest) this.#rest.push(piece);
    else this.#rest = [];
  }

  #complete(last) {
    if (this.#length === 0) return last;
    this.#keep(last);
    const line = this.#length <= this.#longest ? Buffer.concat(this.#rest) : undefined;
    this.#rest = [];
    this.#length = 0;
    return line;
  }
}

/**
 * The document of a line: `{ collection, id, json }`, or undefined for an empty line. Throws an error that says what is
 * wrong with it. `newId()` gives an id where the line has none.
 */
function readLine(bytes, newId) {
  if (bytes === undefined) throw new Error(TOO_LONG);
  const text = decode(bytes);
  if (text.trim() === '') return undefined;
  const line = parse(text);
  if (typeof line !== 'object' || line === null || Array.isArray(line)) {
    throw new Error(`it must be an object with collection, id and data, and is ${describe(line)}`);
  }
  const unknown = Object.keys(line).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) {
    throw new Error(`it has the field ${describe(unknown)}; what is to be stored belongs in data`);
  }
  checkCollection(line.collection);
  if (!Object.hasOwn(line, 'data')) throw new Error('it has no data');
  return { collection: line.collection, id: writableId(line.id, newId), json: serialise(line.data) };
}

function parse(text) {
  try {
    return parseJson(text);
  } catch (error) {
    throw new Error(error instanceof SyntaxError ? `it is not valid JSON: ${error.message}` : error.message);
  }
}

/** The value of a JSON text. A SyntaxError says that it is none, a RangeError which number in it is too large. */
function parseJson(text) {
  const value = JSON.parse(text);
  if (LARGE.test(text) || (text.length >= MANY_DIGITS && LONG.test(text))) JSON.parse(text, checkNumber);
  return value;
}

/** Not every text that has one of these has such a number. */
const LARGE = /[eE]\+?\d{3}/;
const MANY_DIGITS = 308;
const LONG = new RegExp(`\\d{${MANY_DIGITS}}`);

/** JavaScript takes a larger number than its own for infinity, which would be stored as null. */
function checkNumber(name, value) {
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
    throw new RangeError(
      `the number${name === '' ? '' : ` at ${describe(name)}`} is larger than any of JavaScript's; store it as a text`,
    );
  }
  return value;
}

module.exports = { Lines, parseJson, readLine };
