'use strict';

// A database as the monitor sees it: its figures, or that it is closed or not open yet.

const { version } = require('../../package.json');
const { figuresOf } = require('../figures.js');

/** Documents are counted again after so many times what counting them took. */
const REST = 50;
const SHORTEST_REST_MS = 10_000;

class Subject {
  #engine;
  #path;
  /** Documents in each shard, as far as they were counted. */
  #rows = null;
  #countAgainAt = 0;

  constructor(engine, path) {
    this.#engine = engine;
    this.#path = path;
  }

  forPrometheus() {
    const file = this.#engine.isOpen ? this.#engine.invoke('shardPath', 0) : undefined;
    return { path: this.#path, file, figures: this.#figures() };
  }

  /** What the page shows. Asking for it is what has the documents counted. */
  forPage() {
    const figures = this.#figures();
    const about = { version, database: this.#path, time: Date.now() };
    if (figures === undefined) return { ...about, state: this.#engine.isUnopened ? 'unopened' : 'closed' };
    this.#count();
    return { ...about, ...figures, rows: this.#rows };
  }

  #figures() {
    return this.#engine.isOpen ? figuresOf(this.#engine) : undefined;
  }

  async #count() {
    const start = performance.now();
    if (start < this.#countAgainAt) return;
    this.#countAgainAt = Number.POSITIVE_INFINITY;
    try {
      this.#rows = await this.#engine.shardRows();
    } catch {
      // It was closed meanwhile, or a shard cannot be read, which the program's own reads tell.
      this.#rows = null;
    }
    const end = performance.now();
    this.#countAgainAt = end + Math.max(SHORTEST_REST_MS, REST * (end - start));
  }
}

module.exports = { Subject };
