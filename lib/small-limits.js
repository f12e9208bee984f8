'use strict';

// Up to where writing a document byte by byte takes less time than JSON.stringify and a string that crosses to the engine. Measured with
// Node.js 20, 22, 24 and 26: JSON.stringify became faster with V8 12 and again with 13.8.

const V8 = Number.parseFloat(process.versions.v8);

/** Bytes of the largest document. */
const LARGEST_DOCUMENT = V8 < 12 ? 320 : V8 < 13.8 ? 192 : 96;
/** UTF-16 units of the longest string. */
const LARGEST_STRING = V8 < 12 ? 80 : 48;
/** Values of the longest list. */
const LONGEST_LIST = 16;

module.exports = { LARGEST_DOCUMENT, LARGEST_STRING, LONGEST_LIST };
