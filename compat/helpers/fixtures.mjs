// Folders that kimdb 7 left; make-fixtures.mjs made them.

import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSimple, useFolder } from '../../__test__/helpers/database.mjs';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));

/** A copy of a fixture: its folder, the options under which to open it, and what is in it. */
export function useFixture(t, name) {
  const folder = useFolder(t);
  cpSync(join(FIXTURES, name, 'files'), folder, { recursive: true });
  const expected = JSON.parse(readFileSync(join(FIXTURES, name, 'expected.json'), 'utf8'));
  const { dbPath, walPath, ...rest } = expected.options;
  const options = { dbPath: join(folder, dbPath), walPath: join(folder, walPath), ...rest, logger: false };
  return { folder, options, expected };
}

/** Every document of a fixture is there, with its version, and nothing else. */
export async function checkDocuments(t, db, { documents, absent }) {
  const ids = new Map();
  for (const [collection, id, data, _version] of documents) {
    const { _buffered, ...found } = (await db.get(collection, id)) ?? {};
    t.deepEqual(found, { id, data, _version }, `${collection}/${id}`);
    ids.set(collection, [...(ids.get(collection) ?? []), id]);
  }
  for (const [collection, id] of absent) t.is(await db.get(collection, id), null, `${collection}/${id}`);
  for (const [collection, theirs] of ids) {
    const all = await db.getAll(collection, Number.POSITIVE_INFINITY);
    t.deepEqual(all.map(({ id }) => id).sort(), theirs.sort(), `getAll of ${collection}`);
  }
}

/** Opens a fixture, twice: what is found is there afterwards too. */
export async function opens(t, name, options = {}) {
  const fixture = useFixture(t, name);
  const first = openSimple(t, { ...fixture.options, ...options });
  t.is(first.stats().recoveredWrites, fixture.expected.lines);
  await checkDocuments(t, first, fixture.expected);
  first.close();
  const again = openSimple(t, { ...fixture.options, ...options });
  t.is(again.stats().recoveredWrites, 0);
  await checkDocuments(t, again, fixture.expected);
  return { ...fixture, db: again };
}
