'use strict';

// A batch crosses to the engine in pages of two texts, the ids and the documents as JSON arrays, which it takes apart. A call of
// JSON.stringify and a string that crosses for many documents cost half of what one for each do. But strings of more than 128 KiB cost
// V8 a quarter more, and so do many that live at the same time: each page is made when the one before has crossed.

const { serialise } = require('./documents.js');

/** UTF-16 units of JSON in a page, about. */
const PAGE = 64 * 1024;
const FIRST_COUNT = 64;
const LARGEST_COUNT = 4096;

/** Pages of documents: `{ count, json }`. `nameOf` names one in errors, by its place. */
function* pagesOfDocuments(documents, nameOf) {
  let most = FIRST_COUNT;
  for (let start = 0; start < documents.length; ) {
    const page = documents.slice(start, start + most);
    const json = together(page);
    if (json === undefined) {
      yield* pagesOfTexts(page.map((data, place) => serialise(data, nameOf(start + place))));
    } else {
      yield { count: page.length, json };
      most = Math.min(Math.ceil((page.length * PAGE) / json.length), LARGEST_COUNT);
    }
    start += page.length;
  }
}

/** The same of JSON texts. */
function* pagesOfTexts(texts) {
  let start = 0;
  let length = 0;
  for (let i = 0; i < texts.length; i++) {
    length += texts[i].length;
    if (length < PAGE && i + 1 < texts.length) continue;
    yield { count: i + 1 - start, json: `[${texts.slice(start, i + 1).join()}]` };
    start = i + 1;
    length = 0;
  }
}

/** Pages of ids alone. */
function* pagesOfIds(ids) {
  for (let start = 0; start < ids.length; start += LARGEST_COUNT) {
    yield { count: Math.min(LARGEST_COUNT, ids.length - start), json: undefined };
  }
}

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
