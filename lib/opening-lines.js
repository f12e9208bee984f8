'use strict';

// The lines that an opening gives to the logger.

const { throwLater } = require('./errors.js');

class OpeningLines {
  #log;
  #hasRecovered = false;

  constructor(log) {
    this.#log = log;
  }

  /** Called by the engine while it opens. */
  step = (name, a, b) => {
    if (name === 'recovered') this.recovered(a);
    if (name === 'moving') this.#tell(`[kimdb] Moving documents from ${a} to ${b} shards...`);
    if (name === 'copied') this.#tell(`[kimdb] Moving documents: ${a} of ${b}`);
    if (name === 'moved') this.#tell(`[kimdb] Moved ${a} documents`);
  };

  /** Told once, even if documents were moved after it. */
  recovered(writes) {
    if (writes === 0 || this.#hasRecovered) return;
    this.#hasRecovered = true;
    this.#tell(`[kimdb] Recovering ${writes} buffered writes from WAL...`);
    this.#tell(`[kimdb] Recovered ${writes} writes`);
  }

  /** What a logger throws is the program's own, and stops no opening. */
  #tell(line) {
    try {
      this.#log(line);
    } catch (error) {
      throwLater(error);
    }
  }
}

module.exports = { OpeningLines };
