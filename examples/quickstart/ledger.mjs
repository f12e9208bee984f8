// Tells one process how many writes another one has had acknowledged, exact to the last write:
// the counter is in a file, and what a process has written to a file outlives it.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const bytes = Buffer.alloc(8);

export class Ledger {
  #file;

  constructor(path, mode) {
    this.#file = openSync(path, mode);
  }

  write(acknowledged) {
    bytes.writeDoubleLE(acknowledged);
    writeSync(this.#file, bytes, 0, bytes.length, 0);
  }

  read() {
    return readSync(this.#file, bytes, 0, bytes.length, 0) === bytes.length ? bytes.readDoubleLE() : 0;
  }

  close() {
    closeSync(this.#file);
  }
}
