'use strict';

// Reads that find writes in front of them that still wait for log space: they wait for these, so
// that a read sees every write that was called before it.

const { toDocument } = require('./documents.js');

// Other writers may go on filling the log. After this many tries a read blocks for it instead, so
// that they cannot hold it off for ever.
const TRIES = 3;

async function readLater(engine, number, id) {
  for (let i = 0; i < TRIES; i++) {
    await untilLogged(engine);
    const text = engine.read(number, id);
    // NOTE: no await between a read and its registers; the next read overwrites them.
    if (text !== undefined) return toDocument(engine, number, id, text);
  }
  return toDocument(engine, number, id, engine.readWait(number, id));
}

/** The JSON text of several documents. */
async function readManyLater(engine, number, ids) {
  for (let i = 0; i < TRIES; i++) {
    await untilLogged(engine);
    const text = engine.readMany(number, ids);
    if (text !== undefined) return text;
  }
  return engine.readManyWait(number, ids);
}

async function untilLogged(engine) {
  const ticket = engine.barrier();
  if (ticket !== undefined) await engine.wait(ticket);
}

module.exports = { readLater, readManyLater };
