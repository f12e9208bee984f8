'use strict';

// Where the command line writes: data to the standard output, everything else to the standard error.

const fs = require('node:fs');
const { Progress } = require('./progress.js');
const { oneLine, paint, printable } = require('./terminal.js');

const STDOUT = 1;

class Console {
  #json;
  #quiet;

  constructor({ json = false, quiet = false } = {}) {
    this.#json = json;
    this.#quiet = quiet;
  }

  get isJson() {
    return this.#json;
  }

  /** Data: the value with --json, otherwise the text that `text()` makes of it. */
  print(value, text) {
    return this.write(`${this.#json ? JSON.stringify(value) : text()}\n`);
  }

  /** Bytes or text for the standard output. Resolves once it took them. */
  write(data) {
    return isStream() ? writeToStream(data) : writeToFile(Buffer.from(data));
  }

  /** A message, not data. */
  say(text) {
    if (!this.#quiet) process.stderr.write(`${oneLine(text)}\n`);
  }

  /** An error or a warning, also with --quiet. `stack`: lines that tell where it comes from. */
  complain(text, stack) {
    const more = stack === undefined ? '' : `${printable(stack)}\n`;
    process.stderr.write(`${paint(process.stderr).red('kimdb:')} ${oneLine(text)}\n${more}`);
  }

  /** How far a long work is. `total`: 0 where that is not known. */
  progress(label, total, isShown = true) {
    return new Progress(process.stderr, label, total, isShown && !this.#quiet);
  }

  /** Whether somebody sees the progress of what prints data. Behind a pipe another program may show its own. */
  get showsProgress() {
    return Boolean(process.stderr.isTTY) && !this.#quiet && !fs.fstatSync(STDOUT).isFIFO();
  }
}

function isStream() {
  if (process.stdout.isTTY) return true;
  const kind = fs.fstatSync(STDOUT);
  return kind.isFIFO() || kind.isSocket();
}

function writeToStream(data) {
  return new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => (error ? reject(error) : resolve()));
  });
}

/** On a disk that gets full a write may be cut short; Node.js's stream would not notice. */
async function writeToFile(bytes) {
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(STDOUT, bytes, at);
}

/** A reader that goes away is told by the write that meets it; as an event it would end the program. */
function toleratePipes() {
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
}

module.exports = { Console, toleratePipes };
