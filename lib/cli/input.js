'use strict';

// What comes from a file or from the standard input.

const fs = require('node:fs');
const { Failure } = require('./exit.js');

const STDIN = 0;

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
  return { stream: process.stdin, size: sizeOf(STDIN) };
}

function sizeOf(handle) {
  const found = fs.fstatSync(handle);
  return found.isFile() ? found.size : 0;
}

/** All bytes of a stream, to its end. */
async function readAll(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The text of bytes in UTF-8, without a BOM. What is not UTF-8 is refused: stored, it would be another text. */
function decode(bytes) {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw new Error('it is not UTF-8');
    throw new Error(`it is too long for a JavaScript string (${bytes.length} bytes)`);
  }
}

module.exports = { openInput, readAll, decode };
