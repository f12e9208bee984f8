'use strict';

// What comes from a file or from the standard input.

const { constants } = require('node:buffer');
const fs = require('node:fs');
const { Failure } = require('./exit.js');

const STDIN = 0;

/** No JavaScript string holds more bytes than this, whatever they are: a UTF-16 unit takes at most three. */
const LONGEST = 3 * constants.MAX_STRING_LENGTH;

/** `{ stream, size }` of a file, or of the standard input for '-'. `size` is 0 where nobody knows it. */
function openInput(file) {
  if (file !== '-') {
    let handle;
    try {
      handle = fs.openSync(file, 'r');
    } catch (error) {
      throw new Failure(`Could not read '${file}': ${error.message}.`);
    }
    if (fs.fstatSync(handle).isDirectory()) {
      fs.closeSync(handle);
      throw new Failure(`Could not read '${file}': it is a folder.`);
    }
    return { stream: fs.createReadStream(file, { fd: handle }), size: sizeOf(handle) };
  }
  // IMPORTANT: for Node.js it would be an input that is empty.
  if (fs.fstatSync(STDIN).isDirectory())
    throw new Failure('Could not read the standard input: it is a folder.');
  return { stream: process.stdin, size: sizeOf(STDIN) };
}

function sizeOf(handle) {
  const found = fs.fstatSync(handle);
  return found.isFile() ? found.size : 0;
}

/** All bytes of a stream, to its end. */
async function readAll(stream) {
  const chunks = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    // IMPORTANT: memory would not end either.
    if (length > LONGEST) throw new Failure(`The standard input is not a document: ${TOO_LONG}.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const TOO_LONG = 'it is too long for a JavaScript string';

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The text of bytes in UTF-8, without a BOM. What is not UTF-8 is refused: stored, it would be another text. */
function decode(bytes) {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw new Error('it is not UTF-8');
    throw new Error(`${TOO_LONG} (${bytes.length} bytes)`);
  }
}

module.exports = { LONGEST, TOO_LONG, openInput, readAll, decode };
