'use strict';

// A batch crosses to the engine in pages of two texts, the ids and the documents as JSON arrays, which it takes apart. A call of
// JSON.stringify and a string that crosses for many documents cost half of what one for each do. But strings of more than 128 KiB cost
// V8 a quarter more, and so do many that live at the same time: each page is made when the one before has crossed.

const { MAX_STRING_LENGTH } = require('node:buffer').constants;
const { serialise } = require('./documents.js');
const { KimDBError } = require('./errors.js');

/** UTF-16 units of JSON in a page, about. */
const PAGE = 64 * 1024;
const FIRST_COUNT = 64;
const LARGEST_COUNT = 4096;
/** UTF-16 units of the longest text that is in a list. */
const LONGEST_TEXT = MAX_STRING_LENGTH - 2;

/** Pages of documents: `{ count, json }`. `nameOf` names one in errors, by its place. */
function* pagesOfDocuments(documents, nameOf) {
  let most = FIRST_COUNT;
  for (let start = 0; start < documents.length; ) {
    const page = documents.slice(start, start + most);
    const json = together(page);
    if (json === undefined) {
      yield* pagesOfTexts(textsOf(page, (place) => nameOf(start + place)));
      most = FIRST_COUNT;
    } else {
      yield { count: page.length, json };
      most = Math.min(Math.ceil((page.length * PAGE) / json.length), LARGEST_COUNT);
    }
    start += page.length;
  }
}

/** The documents' texts, each made when it is asked for. */
function* textsOf(documents, nameOf) {
  let place = 0;
  const name = { toString: () => nameOf(place) };
  for (; place < documents.length; place++) {
    const text = serialise(documents[place], name);
    if (text.length > LONGEST_TEXT) throw tooLarge(name);
    yield text;
  }
}

/** The same pages of JSON texts. */
function* pagesOfTexts(texts) {
  let page = [];
  let length = 0;
  for (const text of texts) {
    if (page.length > 0 && length + text.length > PAGE) {
      yield { count: page.length, json: `[${page.join()}]` };
      page = [];
      length = 0;
    }
    page.push(text);
    length += text.length;
  }
  if (page.length > 0) yield { count: page.length, json: `[${page.join()}]` };
}

/** Pages of ids alone. */
function* pagesOfIds(ids) {
  let count = 0;
  let length = 0;
  for (const id of ids) {
    if (count > 0 && length + id.length > PAGE) {
      yield { count, json: undefined };
      count = 0;
      length = 0;
    }
    count += 1;
    length += id.length;
  }
  if (count > 0) yield { count, json: undefined };
}

const tooLarge = (name) =>
  new KimDBError(
    `${name} is too large for a batch: with the brackets of a list its JSON text is longer than a JavaScript string can be; write it alone`,
    {
      code: 'KIMDB_TOO_LARGE',
    },
  );

/**
 * The documents as one JSON array; undefined where a member of it could be another text than the document alone, or something
 * throws: then each is looked at by itself.
 */
function together(documents) {
  try {
    return documents.toJSON === undefined && documents.every(isItselfInArray)
      ? JSON.stringify(documents)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Among the members of an array toJSON() is told a place, and what has no JSON form becomes null.
 *
 * NOTE: a program that adds a toJSON() while its documents are made into text, from a getter in them, is not noticed.
 */
function isItselfInArray(data) {
  switch (typeof data) {
    case 'object':
      return data === null || data.toJSON === undefined;
    case 'string':
    case 'number':
    case 'boolean':
      return true;
    default:
      return false;
  }
}

module.exports = { pagesOfDocuments, pagesOfTexts, pagesOfIds };
