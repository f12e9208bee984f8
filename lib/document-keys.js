'use strict';

// The keys of documents as bytes, remembered in the order in which they come: most documents of a program look like one that
// was there before, so that the next key is found by comparing it with the one that followed last time.

/** Keys that are remembered in all, and after one of them. What has more, has them from its data, which would fill any memory. */
const MOST_KEYS = 4096;
const MOST_FOLLOWERS = 8;
const LONGEST_NAME = 64;

let keys = 0;

/** A member's name where it follows a certain other one, or comes first. */
class Key {
  name;
  /** `{"name":` or `,"name":` in UTF-8, four bytes a number; none where the name is not remembered. */
  words;
  /** Bytes of that. */
  length;
  /** The one that followed last. */
  next;
  #followers;
  #members;
  #isFirst;

  constructor(name, text, isFirst = false) {
    const utf8 = Buffer.from(text);
    const padded = Buffer.alloc(Math.ceil(utf8.length / 4) * 4, utf8);
    this.name = name;
    this.words = Int32Array.from({ length: padded.length / 4 }, (_, i) => padded.readInt32LE(4 * i));
    this.length = utf8.length;
    this.next = UNKNOWN ?? this;
    this.#isFirst = isFirst;
  }

  /** The key for `name` behind this one. */
  follower(name) {
    const known = this.#followers?.get(name);
    if (known !== undefined) {
      this.next = known;
      return known;
    }
    if (this === UNKNOWN || keys >= MOST_KEYS || name.length > LONGEST_NAME) return UNKNOWN;
    this.#followers ??= new Map();
    if (this.#followers.size >= MOST_FOLLOWERS) return UNKNOWN;
    keys += 1;
    const key = new Key(name, `${this.#isFirst ? '{' : ','}${JSON.stringify(name)}:`);
    this.#followers.set(name, key);
    this.next = key;
    return key;
  }

  /** Where the keys of an object begin that is the value of this one, or is in an array that is. */
  get members() {
    if (this === UNKNOWN) return UNKNOWN;
    this.#members ??= new Key(undefined, '', true);
    return this.#members;
  }
}

/** A key that is not remembered. */
let UNKNOWN;
UNKNOWN = new Key(undefined, '');
/** Where the keys of a document begin. */
const FIRST_KEY = new Key(undefined, '', true);

module.exports = { FIRST_KEY };
