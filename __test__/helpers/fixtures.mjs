// Files that this version of the package did not write; fixtures/README.md says how they were made.

import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pathsIn, useFolder } from './database.mjs';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));

export const fixturePath = (name) => join(FIXTURES, name);

/** Copies fixtures into a folder. */
export function copyFixtures(folder, files) {
  mkdirSync(folder, { recursive: true });
  for (const [from, to] of Object.entries(files)) copyFileSync(fixturePath(from), join(folder, to));
}

/** Options of a database of one shard that refuses three of four writes into `unreliable`, by chance. */
export function useUnreliableShard(t) {
  const folder = useFolder(t);
  copyFixtures(folder, { 'unreliable-shard.db': 'test_shard0.db' });
  return { ...pathsIn(folder), shardCount: 1 };
}

/** Flushes an unreliable shard again and again until it takes what it is given: no chance lasts for ever. */
export async function flushAtLast(db) {
  while (db.stats().bufferSize > 0) await db.flush().catch(() => {});
}
