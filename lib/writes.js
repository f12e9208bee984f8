'use strict';

// The native calls that write. Each answers with a ticket where the write has to be waited for, or blocks until it is in the log.

const { DELETE, UPSERT, jsonArray } = require('./documents.js');
const { SmallDocuments } = require('./small-documents.js');
const { turns } = require('./turns.js');

class Writes {
  #documents;
  #small;
  // NOTE: fields, so that each costs one load.
  #append;
  #appendSmall;
  #appendWait;
  #appendSmallWait;
  #appendSyncWait;
  #draftPage;
  #appendDraft;
  #appendDraftWait;
  #dropDraft;
  /** Batches that are being put together, one inside the other. */
  #drafts = 0;

  /** `callOf`: the native call of a name. `documents`: the cache that lets go of what is written. */
  constructor(callOf, registers, documents) {
    this.#documents = documents;
    this.#small = new SmallDocuments(registers);
    this.#append = callOf('append');
    this.#appendSmall = callOf('appendSmall');
    this.#appendWait = callOf('appendWait');
    this.#appendSmallWait = callOf('appendSmallWait');
    this.#appendSyncWait = callOf('appendSyncWait');
    this.#draftPage = callOf('draftPage');
    this.#appendDraft = callOf('appendDraft');
    this.#appendDraftWait = callOf('appendDraftWait');
    this.#dropDraft = callOf('dropDraft');
  }

  set(number, id, data) {
    const json = this.#small.put(number, id, data);
    // IMPORTANT: not before, or a getter in the data that reads the document could bring it back.
    this.#documents.forget(number, id);
    if (json === undefined) return this.#appendSmall();
    turns.weigh(json);
    return this.#append(UPSERT, number, id, json);
  }

  setWait(number, id, data) {
    const json = this.#small.put(number, id, data);
    this.#documents.forget(number, id);
    if (json === undefined) this.#appendSmallWait();
    else this.#appendWait(UPSERT, number, id, json);
  }

  /** Blocks until it is on the disk. */
  setSyncWait(number, id, json) {
    this.#documents.forget(number, id);
    this.#appendSyncWait(UPSERT, number, id, json);
  }

  delete(number, id) {
    this.#documents.forget(number, id);
    return this.#append(DELETE, number, id, undefined);
  }

  deleteWait(number, id) {
    this.#documents.forget(number, id);
    this.#appendWait(DELETE, number, id, undefined);
  }

  /** Operations that are kept all or not at all. `pages`: see pages.js. */
  many(number, ids, pages) {
    return this.#draft(number, ids, pages, this.#appendDraft);
  }

  manyWait(number, ids, pages) {
    this.#draft(number, ids, pages, this.#appendDraftWait);
  }

  #draft(number, ids, pages, append) {
    // What makes the pages may run code of the program, which may write another batch: that has a draft of its own.
    const draft = this.#drafts++;
    try {
      let start = 0;
      for (const { count, json } of pages) {
        this.#draftPage(draft, number, jsonArray(ids.slice(start, start + count)), json);
        start += count;
      }
      for (const id of ids) this.#documents.forget(number, id);
      return append(draft);
    } catch (error) {
      this.#dropDraft(draft);
      throw error;
    } finally {
      this.#drafts--;
    }
  }
}

module.exports = { Writes };
