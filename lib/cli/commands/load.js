'use strict';

// kimdb load: stores documents from lines of JSON. What was read is written before more is read.

const { engineOf } = require('../../hyperscale-db.js');
const { pagesOfTexts } = require('../../pages.js');
const { integerTo } = require('../arguments.js');
const { openOrMake } = require('../database.js');
const { EXIT, exitCodeOf } = require('../exit.js');
const { openInput } = require('../input.js');
const { turn, watchSignals } = require('../interrupt.js');
const { Lines, readLine } = require('../lines.js');
const terminal = require('../terminal.js');

/** A batch ends at so many bytes of lines, however few documents these are. */
const BATCH_BYTES = 4 << 20;
const MAX_BATCH = 100_000;

module.exports = (program, run) => {
  program
    .command('load')
    .summary('store documents from lines of JSON')
    .description(
      'Store the documents of a file, or of the standard input, that has one JSON object a line, as "kimdb dump" prints them: collection, id and data. A document that is there already is replaced; a line without an id gets a new one. The database is made if it does not exist.',
    )
    .argument('[file]', "the file; '-' or nothing for the standard input", '-')
    .option('--batch <documents>', 'so many documents are written at a time', integerTo(MAX_BATCH), 1000)
    .option(
      '--skip-invalid',
      'pass over lines that are not a document, instead of stopping at the first',
      false,
    )
    .addHelpText(
      'after',
      `
Examples:
  kimdb load backup.ndjson
  gunzip < backup.ndjson.gz | kimdb --db copy.db load

The version and the times of a document are not loaded: a document that is new gets version 1 and the present time, one
that is replaced its next version. What was loaded before an error, a bad line or Ctrl-C stays. Loading the same file again
does no harm, unless its lines have no ids.`,
    )
    .action(run(load));
};

async function load(options, console, file) {
  const { stream, size } = openInput(file);
  const db = openOrMake(options, console);
  const watch = watchSignals(() => stream.destroy());
  const loading = new Loading(db, console, options, size);
  let failed;
  try {
    await loading.readAll(stream, watch);
  } catch (error) {
    failed = error;
  }
  watch.release();
  // What the standard input still holds would keep the process waiting.
  stream.destroy();
  try {
    db.close();
  } catch (error) {
    failed ??= error;
  }
  try {
    await loading.tell(watch.signal, failed);
  } catch (error) {
    // Whether the documents are stored does not depend on who reads about it.
    if (error.code !== 'EPIPE') failed ??= error;
  }
  if (failed !== undefined) throw failed;
  if (watch.signal) return exitCodeOf(watch.signal);
  return loading.invalid > 0 ? EXIT.found : EXIT.done;
}

class Loading {
  loaded = 0;
  invalid = 0;
  #line = 0;
  #bytes = 0;
  #isStopped = false;
  #engine;
  #console;
  #options;
  #progress;
  #batch = new Map();
  #batched = 0;
  #batchBytes = 0;

  constructor(db, console, options, size) {
    this.#engine = engineOf(db.db);
    this.#console = console;
    this.#options = options;
    this.#progress = console.progress('loading', size);
  }

  async readAll(stream, watch) {
    const lines = new Lines();
    try {
      for await (const chunk of stream) {
        this.#bytes += chunk.length;
        await this.#take(lines.push(chunk), watch);
        if (this.#isStopped || watch.signal) break;
      }
      if (!watch.signal && !this.#isStopped) await this.#take(lines.end(), watch);
    } catch (error) {
      // A signal takes the stream away from the loop that waits for it.
      if (!watch.signal) throw error;
    } finally {
      this.#progress.end();
    }
    await this.#write();
    await this.#engine.flush();
  }

  async #take(lines, watch) {
    for (const bytes of lines) {
      this.#line++;
      this.#note(bytes);
      if (this.#isStopped) return;
      if (this.#batched < this.#options.batch && this.#batchBytes < BATCH_BYTES) continue;
      await this.#write();
      await turn();
      if (watch.signal) return;
    }
  }

  /** Puts a line into the batch. */
  #note(bytes) {
    let document;
    try {
      document = readLine(bytes, this.#engine.newId);
    } catch (error) {
      this.invalid++;
      this.#isStopped = !this.#options.skipInvalid;
      this.#progress.end();
      this.#console.complain(`Line ${this.#line} is not a document: ${error.message}.`);
      return;
    }
    if (document === undefined) return;
    const { collection, id, json } = document;
    if (!this.#batch.has(collection)) this.#batch.set(collection, { ids: [], jsons: [] });
    const { ids, jsons } = this.#batch.get(collection);
    ids.push(id);
    jsons.push(json);
    this.#batched++;
    this.#batchBytes += bytes.length;
  }

  /** Writes the batch, and waits until there is room for it. */
  async #write() {
    const engine = this.#engine;
    for (const [collection, { ids, jsons }] of this.#batch) {
      const ticket = engine.writes.many(engine.collection(collection), ids, pagesOfTexts(jsons));
      if (ticket !== undefined) await engine.wait(ticket);
      this.loaded += ids.length;
    }
    this.#batch.clear();
    this.#batched = 0;
    this.#batchBytes = 0;
    this.#progress.update(this.#bytes, terminal.countOf(this.loaded, 'document'));
  }

  /** Says what became of it. */
  async tell(signal, failed) {
    const { loaded, invalid } = this;
    const documents = terminal.countOf(loaded, 'document');
    if (signal) this.#console.complain(`Interrupted: ${documents} loaded and kept, and that is not all.`);
    else if (failed !== undefined)
      this.#console.complain(`Stopped by an error: ${documents} loaded before it.`);
    else if (this.#isStopped) {
      this.#console.complain(
        `Stopped there: ${documents} loaded before it. Correct the line, or pass over such lines with --skip-invalid.`,
      );
    } else if (invalid > 0) {
      this.#console.complain(`${documents} loaded, ${terminal.countOf(invalid, 'line')} passed over.`);
    } else this.#console.say(`Loaded ${documents}.`);
    if (this.#console.isJson)
      await this.#console.print({ loaded, invalid, complete: this.#isComplete(signal, failed) });
  }

  #isComplete(signal, failed) {
    return signal === undefined && failed === undefined && !this.#isStopped;
  }
}
