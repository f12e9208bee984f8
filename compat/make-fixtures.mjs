// node compat/make-fixtures.mjs [name]: makes the folders in fixtures/ with the real kimdb 7, and beside each what is in it.
// They are frozen: this runs again only for a new one, or when one is to be made anew.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { keyOf, readOldFiles, storedId, tableOf } from './helpers/old-files.mjs';
import { runOld } from './helpers/old-process.mjs';
import { recipes } from './helpers/recipes.mjs';

const FIXTURES = fileURLToPath(new URL('./fixtures/', import.meta.url));
// Its flush in parts empties the whole log (defect 1), so it must not flush in parts.
const LOSES_NOTHING = { batchSize: 1_000_000 };
const chosen = process.argv.slice(2);

for (const [name, recipe] of Object.entries(recipes)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const folder = mkdtempSync(join(tmpdir(), 'kimdb-fixture-'));
  const { expected, summary } = await make(folder, recipe);
  rmSync(join(FIXTURES, name), { recursive: true, force: true });
  mkdirSync(join(FIXTURES, name), { recursive: true });
  cpSync(folder, join(FIXTURES, name, 'files'), { recursive: true });
  writeFileSync(join(FIXTURES, name, 'expected.json'), format(expected));
  rmSync(folder, { recursive: true });
  console.log(`${name}: ${summary}`);
}

async function make(folder, { about, options, lives, finish }) {
  mkdirSync(join(folder, options.dbPath, '..'), { recursive: true });
  const model = new Map();
  const steps = [];
  let after = [];
  for (const life of lives) {
    if (life.between) life.between(folder);
    const { code, signal, results, stderr } = await runOld(folder, {
      ...life,
      options: { ...LOSES_NOTHING, ...options, ...life.options },
    });
    if (life.killAfter !== undefined) assert.equal(signal, 'SIGKILL');
    else assert.equal(code, life.code ?? 0, stderr);
    const whole = results.length - (life.torn ?? 0);
    applyAll(model, life.steps.slice(0, whole));
    // A write may have been done without this process having heard of it.
    after = life.killAfter === undefined ? [] : life.steps.slice(results.length, results.length + 1);
    steps.push(...life.steps.slice(0, whole), ...after);
  }
  finish?.(folder);

  const copy = mkdtempSync(join(tmpdir(), 'kimdb-fixture-copy-'));
  cpSync(folder, copy, { recursive: true });
  const { documents, lines } = readOldFiles(copy, options);
  rmSync(copy, { recursive: true });
  const found = dataOf(documents);
  const acknowledged = dataOf(model);
  try {
    assert.deepEqual(found, acknowledged);
  } catch (error) {
    if (after.length === 0) throw error;
    applyAll(model, after);
    assert.deepEqual(found, dataOf(model));
  }

  const expected = { about, options, lines, documents: [], absent: [] };
  for (const [collection, stored, id] of usedKeys(steps)) {
    const document = documents.get(keyOf(tableOf(collection), stored));
    if (document === undefined) expected.absent.push([collection, id]);
    else expected.documents.push([collection, id, document.data, document.version]);
  }
  return { expected, summary: `${expected.documents.length} documents, ${lines} lines in the log` };
}

/** Collections with the ids of their table, as the table has them and as the program gave them. */
function usedKeys(steps) {
  const writes = steps.filter(([method]) => ['set', 'setSync', 'delete'].includes(method));
  const names = [...new Set(writes.map(([, name]) => name))];
  return names.flatMap((name) => {
    const shared = writes.filter(([, other]) => tableOf(other) === tableOf(name));
    return [...new Map(shared.map(([, , id]) => [storedId(id), String(id)]))].map((ids) => [name, ...ids]);
  });
}

function applyAll(model, steps) {
  for (const [method, collection, id, data] of steps) {
    const key = () => keyOf(tableOf(collection), storedId(id));
    if (method === 'delete') model.delete(key());
    if (['set', 'setSync'].includes(method)) model.set(key(), { data });
  }
}

function dataOf(documents) {
  const pairs = [...documents].map(([key, { data }]) => [key, data]);
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** JSON with a document a line. */
function format({ documents, absent, ...rest }) {
  const list = (values) =>
    values.length === 0
      ? '[]'
      : `[\n    ${values.map((value) => JSON.stringify(value)).join(',\n    ')}\n  ]`;
  const head = Object.entries(rest).map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  );
  return `{\n${[...head, `  "documents": ${list(documents)}`, `  "absent": ${list(absent)}`].join(',\n')}\n}\n`;
}
