// What is in the files that kimdb 7 leaves, read without either library.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

/** The name of the table in which kimdb 7 keeps a collection, or would if SQLite let it. */
export const tableOf = (collection) => collection.replace(/[^a-zA-Z0-9_]/g, '') || collection;

/** Numbers become texts in SQLite: 5 is '5.0'. */
export function storedId(id) {
  const memory = new Database(':memory:');
  try {
    return memory.prepare('SELECT CAST(? AS TEXT) AS text').get(id).text;
  } finally {
    memory.close();
  }
}

/** The files of the shards: with a `dbPath` without '.db' kimdb 7 uses one for all. */
export function shardFiles({ dbPath, shardCount = 8 }) {
  return [...new Set(Array.from({ length: shardCount }, (_, i) => dbPath.replace('.db', `_shard${i}.db`)))];
}

/** All rows of a folder's shards with the lines of its log applied: `{ documents, lines }`, by table and stored id. */
export function readOldFiles(folder, options) {
  const documents = new Map();
  for (const file of shardFiles(options)) readShard(join(folder, file), documents);
  const entries = readLog(join(folder, options.walPath));
  for (const { collection, id, data, operation } of entries) {
    const key = keyOf(tableOf(collection), storedId(id));
    const version = (documents.get(key)?.version ?? 0) + 1;
    if (operation === 'delete') documents.delete(key);
    else documents.set(key, { data, version });
  }
  return { documents, lines: entries.length };
}

export const keyOf = (table, id) => JSON.stringify([table, id]);

function readShard(file, documents) {
  const shard = new Database(file);
  const tables = shard.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  for (const table of tables) {
    const columns = shard.pragma(`table_info("${table}")`).map(({ name }) => name);
    if (columns.join() !== 'id,data,_version,created_at,updated_at') continue;
    for (const row of shard.prepare(`SELECT * FROM "${table}"`).all()) {
      documents.set(keyOf(table, row.id), { data: JSON.parse(row.data), version: row._version });
    }
  }
  shard.close();
}

/** The lines that are whole. */
function readLog(file) {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    });
}
