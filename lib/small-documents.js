'use strict';

// Small plain documents cross to the engine as bytes that are written here, one by one, into memory which the engine reads: that
// takes half of what JSON.stringify and two strings out of V8 take, or less. All others cross as texts.
//
// IMPORTANT: the text is that of JSON.stringify, and so are the calls of getters and toJSON(): each once, in its order. So a document that turns
// out not to be small is not begun again, but completed member by member. (What costs too much to see to: a getter that takes away a member which
// the prototype has as well, or that returns something with the document inside only once; a list or boxed value that has got the prototype of
// plain objects and odd members; a getter among the values of a list, or for its toJSON(), which may be called twice,
// or which makes the list shorter.)

const { isBoxedPrimitive, isProxy } = require('node:util').types;
const { serialise } = require('./documents.js');
const { NONE, putMember, putText } = require('./json-bytes.js');
const { explainFault, noJsonForm } = require('./json-fault.js');
const { LARGEST_DOCUMENT } = require('./small-limits.js');

/** Places in the registers for what is to be written; the id and the JSON text lie behind them. */
const COLLECTION = 4;
const ID_BYTES = 5;
const JSON_BYTES = 6;
const REGISTERS = 7;

/** The id, the document, and a last member whose name and value go beyond the largest one. The engine knows this number too. */
const BYTES = 1408;

/** After documents that were not small, up to so many of their collection are not tried. */
const LONGEST_REST = 1023;

const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

// In place of a text: JSON.stringify is to make it, or there is none.
const UNTOUCHED = Symbol('untouched');
const NO_TEXT = Symbol('no text');

const { getPrototypeOf, prototype: PLAIN } = Object;
const { hasOwnProperty: isOwn } = PLAIN;
const { apply } = Reflect;

/** Registers like the engine's, for the time before it is open. */
function newRegisters() {
  return new Float64Array(new ArrayBuffer(REGISTERS * Float64Array.BYTES_PER_ELEMENT + BYTES), 0, REGISTERS);
}

class SmallDocuments {
  #registers;
  #bytes;
  /** While a document is looked at: that may run code of the program, which may write another one. */
  #isBusy = false;
  /** By collection number: how many documents are not tried from now on, and how many after the next that is not small. */
  #rests = [];
  #nextRests = [];

  /** `registers`: the engine's, with the text behind them. */
  constructor(registers) {
    this.#registers = registers;
    this.#bytes = new Uint8Array(registers.buffer, registers.byteLength, BYTES);
  }

  /** Puts a document where the engine looks for it and returns undefined, or returns its JSON text. */
  put(number, id, data) {
    if (this.#isBusy) return serialise(data);
    if (this.#rests[number] > 0) {
      this.#rests[number] -= 1;
      return serialise(data);
    }
    const text = this.#tryToPut(id, data);
    if (text === undefined) {
      this.#nextRests[number] = 1;
      this.#registers[COLLECTION] = number;
      return undefined;
    }
    this.#rest(number);
    if (text === NO_TEXT) throw noJsonForm(data, 'data');
    return text === UNTOUCHED ? serialise(data) : text;
  }

  #tryToPut(id, data) {
    if (typeof data !== 'object' || data === null) return UNTOUCHED;
    this.#isBusy = true;
    try {
      const start = putText(this.#bytes, 0, id);
      // NOTE: JSON.stringify asks a proxy other questions than we would.
      if (start === NONE || isProxy(data) || getPrototypeOf(data) !== PLAIN) return UNTOUCHED;
      const { toJSON } = data;
      if (typeof toJSON === 'function') return textByItself(data, toJSON);
      return this.#putMembers(start, data);
    } catch (error) {
      throw explainFault(data, 'data', error);
    } finally {
      this.#isBusy = false;
    }
  }

  #rest(number) {
    const next = this.#nextRests[number] ?? 1;
    this.#rests[number] = next;
    this.#nextRests[number] = Math.min(2 * next + 1, LONGEST_REST);
  }

  #putMembers(start, data) {
    const bytes = this.#bytes;
    const most = start + LARGEST_DOCUMENT;
    bytes[start] = OPEN;
    let at = start + 1;
    // From the first member on that is not small: the text of those before, and more.
    let text;
    for (const name in data) {
      if (!isOwn.call(data, name)) continue;
      if (name === '0' && isNoObject(data)) return UNTOUCHED;
      const value = data[name];
      if (text !== undefined) {
        text = withMember(text, name, value);
        continue;
      }
      if (value === undefined) continue;
      let end = at;
      if (at > start + 1) bytes[end++] = COMMA;
      end = putMember(bytes, end, name, value);
      if (end === NONE || end >= most) text = withMember(textOf(bytes, start, at), name, value);
      else at = end;
    }
    if (text !== undefined) return `${text}}`;
    if (at === start + 1 && isNoObject(data)) return UNTOUCHED;
    bytes[at] = CLOSE;
    this.#registers[ID_BYTES] = start;
    this.#registers[JSON_BYTES] = at + 1 - start;
    return undefined;
  }
}

/** An array or a boxed value whose prototype was changed. It has the members of a list, or none. */
const isNoObject = (data) => Array.isArray(data) || isBoxedPrimitive(data);

function textOf(bytes, start, end) {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}

/** The text of an object whose toJSON() was looked up already. */
function textByItself(data, toJSON) {
  return JSON.stringify({ __proto__: null, toJSON: (key) => apply(toJSON, data, [key]) }) ?? NO_TEXT;
}

/** The text of an object without its end, and one member more. */
function withMember(text, name, value) {
  // JSON has no functions, and this one would be asked for the text of what it is in.
  if (name === 'toJSON' && typeof value === 'function') return text;
  // NOTE: JSON.stringify is fastest, and can go deepest, with a plain object.
  const alone = PLAIN.toJSON === undefined ? { [name]: value } : { __proto__: null, [name]: value };
  const member = JSON.stringify(alone).slice(1, -1);
  if (member === '') return text;
  return text === '{' ? text + member : `${text},${member}`;
}

module.exports = { SmallDocuments, newRegisters };
