'use strict';

// How far a long work is: one line that is written over and over, on a terminal only.

const { count, paint, widthOf } = require('./terminal.js');

const WIDTH = 30;
const PAUSE_MS = 100;

class Progress {
  #stream;
  #label;
  #total;
  #isShown;
  #last = 0;

  constructor(stream, label, total, isShown = true) {
    this.#stream = stream;
    this.#label = label;
    this.#total = total;
    this.#isShown = Boolean(stream.isTTY) && isShown;
  }

  /** `done` of the total, and a text that tells it in words. */
  update(done, text = count(done)) {
    if (!this.#isShown || Date.now() - this.#last < PAUSE_MS) return;
    this.#last = Date.now();
    this.#stream.write(`\r\u001b[K${this.#line(done, text)}`);
  }

  /** Takes the line away. */
  end() {
    if (this.#isShown && this.#last > 0) this.#stream.write('\r\u001b[K');
    this.#isShown = false;
  }

  #line(done, text) {
    const { green } = paint(this.#stream);
    if (this.#total <= 0) return this.#fit(`${this.#label}  ${text}`);
    const share = Math.min(done / this.#total, 1);
    const filled = Math.round(share * WIDTH);
    const bar = green('█'.repeat(filled)) + '░'.repeat(WIDTH - filled);
    return `${bar} ${this.#fit(`${String(Math.floor(share * 100)).padStart(3)} %  ${this.#label}  ${text}`, WIDTH + 1)}`;
  }

  /** A line that is longer than the terminal is wide could not be written over. */
  #fit(text, taken = 0) {
    // Some terminals do not tell, or say 0.
    const room = (this.#stream.columns || 80) - taken - 1;
    return widthOf(text) > room ? text.slice(0, Math.max(room, 0)) : text;
  }
}

module.exports = { Progress };
