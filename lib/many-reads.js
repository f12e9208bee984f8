'use strict';

// Lists of documents. They are read in parts, which reader threads are at while those before them are made into values, and between
// which the event loop turns.

const { corrupt, parseList } = require('./documents.js');
const { ownTurn } = require('./immediates.js');
const { readLater } = require('./late-reads.js');
const { turns } = require('./turns.js');

/** Ids of the first part. */
const FIRST = 128;
/** Most of one. */
const MOST = 256;
/** Length of the JSON text that a part should have: making values of it takes about a millisecond. */
const LENGTH = 64 * 1024;
/** Parts that are read ahead. */
const AHEAD = 3;
/** Documents of the first part that this thread may read from shards, as it does with single ones, and of the others. */
const HERE = FIRST;
const HERE_AHEAD = 8;

/** Members of the text for each document: its JSON, its version or null where there is none, its state. */
const MEMBERS = 3;
const STORED = 0;
/** Others had a megabyte already; it is asked for alone. */
const LEFT_OUT = 2;

/** The documents, or null for each that is not there, in the order of the ids. */
async function readMany(engine, number, ids, collection) {
  if (ids.length > FIRST) return readParts(engine, number, ids, collection);
  const part = beginPart(engine, number, ids, HERE);
  turns.left -= ids.length;
  return part.kept ?? valuesOf(engine, number, ids, await part.text, collection);
}

async function readParts(engine, number, ids, collection) {
  const documents = [];
  const begun = [];
  let [size, next] = [FIRST, FIRST];
  const readAhead = () => {
    while (next < ids.length && begun.length < AHEAD) {
      begun.push(beginPart(engine, number, ids.slice(next, next + size), HERE_AHEAD));
      next += size;
    }
  };
  // Threads are at these while this one is at the first.
  readAhead();
  begun.unshift(beginPart(engine, number, ids.slice(0, FIRST), HERE));
  while (begun.length > 0) {
    const { part, kept, text } = begun.shift();
    readAhead();
    if (kept !== undefined) {
      append(documents, kept);
    } else {
      const json = await text;
      append(documents, await valuesOf(engine, number, part, json, collection));
      size = Math.min(Math.ceil((part.length * LENGTH) / json.length), MOST);
    }
    turns.left -= part.length;
    if (begun.length > 0) await ownTurn();
  }
  return documents;
}

/** Some of the documents: copies of those that are kept as values, or their JSON text, or a promise for it. */
function beginPart(engine, number, part, here) {
  const kept = engine.documents.findAll(number, part);
  if (kept !== undefined) return { part, kept, text: undefined };
  const text = readText(engine, number, part, here);
  // Who waits for it may have failed at a part before.
  if (typeof text !== 'string') text.catch(() => undefined);
  return { part, kept: undefined, text };
}

function readText(engine, number, ids, here) {
  try {
    const answer = engine.readMany(number, ids, here);
    return typeof answer === 'string' ? answer : readTextLater(engine, number, ids, answer);
  } catch (error) {
    return unlessTooLarge(error, ids);
  }
}

/** The text of documents that could not be read at once; `answer` is as in late-reads.js. */
async function readTextLater(engine, number, ids, answer) {
  try {
    let late = answer;
    if (late === undefined) {
      await engine.untilLogged();
      late = engine.readManyPast(number, ids, HERE_AHEAD);
    }
    if (typeof late === 'string') return late;
    const [text] = await engine.wait(late);
    return text;
  } catch (error) {
    return unlessTooLarge(error, ids);
  }
}

/** The text that leaves out all documents, if it was only that no string holds them together. */
function unlessTooLarge(error, ids) {
  if (error.code !== 'KIMDB_TOO_LARGE' || ids.length === 1) throw error;
  return JSON.stringify(ids.flatMap(() => [null, null, LEFT_OUT]));
}

/** The documents of a part. If one is not JSON, it fails as reading that one does. */
function valuesOf(engine, number, ids, text, collection) {
  turns.weigh(text);
  try {
    const documents = unfold(text, ids, collection);
    return documents.includes(undefined) ? addLeftOut(engine, number, ids, documents, collection) : documents;
  } catch (error) {
    return tellWhich(engine, number, ids, error);
  }
}

async function addLeftOut(engine, number, ids, documents, collection) {
  for (const [i, document] of documents.entries()) {
    if (document !== undefined) continue;
    // What is so large takes long.
    await ownTurn();
    [documents[i]] = await readMany(engine, number, [ids[i]], collection);
  }
  return documents;
}

async function tellWhich(engine, number, ids, error) {
  for (const id of ids) await readLater(engine, number, id, undefined);
  throw error;
}

function unfold(text, ids, collection) {
  const flat = parseList(text, collection);
  // A document that is not one value, such as `1,2`.
  if (flat.length !== MEMBERS * ids.length) throw corrupt({ collection });
  return ids.map((id, i) => {
    const version = flat[MEMBERS * i + 1];
    const state = flat[MEMBERS * i + 2];
    if (version === null) return state === LEFT_OUT ? undefined : null;
    if (typeof version !== 'number') throw corrupt({ collection });
    const document = { id, data: flat[MEMBERS * i], _version: version };
    if (state !== STORED) document._buffered = true;
    return document;
  });
}

function append(list, more) {
  for (const one of more) list.push(one);
}

module.exports = { readMany };
