// Databases in folders of their own, closed and removed when the test ends.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HyperScaleDB, SimpleDB } from 'kimdb/hyperscale';

/** A fresh folder. */
export function useFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'kimdb-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** The paths of a database in a folder, as options. */
export const pathsIn = (folder, name = 'test') => ({
  dbPath: join(folder, `${name}.db`),
  walPath: join(folder, `${name}.wal`),
});

/** Opens a SimpleDB; without paths among the options, in a fresh folder. */
export function openSimple(t, options = {}) {
  return closeAtEnd(t, new SimpleDB({ ...withPaths(t, options), ...options }));
}

/** The same for an initialised HyperScaleDB. */
export function openHyper(t, options = {}) {
  return closeAtEnd(t, new HyperScaleDB({ ...withPaths(t, options), ...options }).init());
}

// Teardowns run last to first, so the database is closed before its folder goes.
function withPaths(t, options) {
  return options.dbPath === undefined ? pathsIn(useFolder(t)) : {};
}

function closeAtEnd(t, db) {
  t.teardown(() => db.close());
  return db;
}

/** Options under which nothing is flushed unless a test asks for it. */
export const manualFlush = { flushInterval: 2 ** 31 - 1, bufferSize: 2 ** 31 - 1 };

/** The names of the files in a folder, sorted. */
export const filesIn = (folder) => readdirSync(folder).sort();

/** All rows of a table, over all shards. */
export function rowsOf(db, table) {
  const quoted = `"${table.replaceAll('"', '""')}"`;
  return [...db.shards.values()].flatMap((shard) => {
    const tables = shard.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?");
    return tables.get(table) === undefined ? [] : shard.prepare(`SELECT * FROM ${quoted}`).all();
  });
}

/** The JSON texts that are in the shards, by id. */
export const stored = (db, collection = 'c') =>
  Object.fromEntries(rowsOf(db, collection).map(({ id, data }) => [id, data]));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Turns of the event loop until a condition holds. */
export async function until(condition) {
  while (!condition()) await sleep(5);
}

/** The same, but gives up on what hangs; the assertion that follows says what it was. */
export async function patiently(condition) {
  for (let turns = 0; turns < 2000 && !condition(); turns++) await sleep(5);
}
