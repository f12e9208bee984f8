'use strict';

// Reads that were not answered at once. `answer` is what the native call returned instead of a text:
//
// - undefined: writes that were called before still wait for log space. The read waits for these, so that it sees them, and
//   for none that were called after it.
// - a ticket: the shard's disk is slow, or so much was written since the last read that finding it takes long. Reader threads do that.

const { BUFFERED, VERSION } = require('./document-cache.js');
const { parseDocument } = require('./documents.js');
const { toPublicError } = require('./errors.js');

/** A promise for a document. Many of these wait at the same time: what each keeps alive is to be little. */
function readLater(engine, number, id, answer) {
  return typeof answer === 'number'
    ? fromThreads(engine, number, id, answer)
    : behindWrites(engine, number, id);
}

const fromThreads = (engine, number, id, ticket) =>
  engine.wait(ticket).then((read) => lateDocument(engine, number, id, read));

/**
 * The document of a read that has ended.
 *
 * IMPORTANT: it is not for the cache of documents. A write of the same document that was called since has let go of it there already, and
 * may wait for room in the log, so that what was read is older.
 */
function lateDocument(engine, number, id, [text, version, buffered]) {
  if (text === null) return null;
  const document = { id, data: parseDocument(engine, number, id, text), _version: version };
  if (buffered !== 0) document._buffered = true;
  return document;
}

async function behindWrites(engine, number, id) {
  try {
    await engine.untilLogged();
    const answer = engine.readPast(number, id);
    // NOTE: no await between a read and its registers; the next read overwrites them.
    const { [VERSION]: version, [BUFFERED]: buffered } = engine.registers;
    if (typeof answer !== 'number') return lateDocument(engine, number, id, [answer, version, buffered]);
    return await fromThreads(engine, number, id, answer);
  } catch (error) {
    throw toPublicError(error);
  }
}

module.exports = { readLater };
