// The tables of docs/api.md against what they are about: nothing is missing there, and nothing is made up.

import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { HyperScaleDB, SimpleDB } from 'kimdb/hyperscale';
import { openSimple } from './helpers/database.mjs';
import { BILINGUAL, firstNames, readFromRoot, readPage } from './helpers/pages.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const { resolveOptions } = createRequire(import.meta.url)('../lib/options.js');

const api = readPage('docs/api.md');
const rowsUnder = (heading) => api.rows.filter(({ path }) => path.includes(heading));

/** Every code that the sources name. */
function codesInSources() {
  const files = [
    ...readdirSync(join(ROOT, 'lib')).map((name) => `lib/${name}`),
    ...readdirSync(join(ROOT, 'src'), { recursive: true }).map((name) => `src/${name}`),
  ].filter((file) => /\.(js|rs)$/.test(file));
  const codes = files.flatMap((file) => readFromRoot(file).match(/\bKIMDB_[A-Z_]*[A-Z]\b/g) ?? []);
  return [...new Set(codes)].sort();
}

test('every code of the sources is among the errors, once, and no other', (t) => {
  t.deepEqual(firstNames(rowsUnder('Errors')).sort(), codesInSources());
});

test('the codes of KimDBError and of arguments are those of the types', (t) => {
  const types = readFromRoot('index.d.ts');
  const codesOf = (name) =>
    types
      .split(`export type ${name} =`)[1]
      .split('export ')[0]
      .match(/KIMDB_\w+/g);
  t.deepEqual(firstNames(rowsUnder('Codes of `KimDBError`')), codesOf('ErrorCode'));
  t.deepEqual(firstNames(rowsUnder('Codes of `TypeError` and `RangeError`')), codesOf('ArgumentErrorCode'));
});

for (const page of BILINGUAL) {
  for (const file of [`${page}.md`, `${page}.ko.md`]) {
    test(`${file} names no code that does not exist`, (t) => {
      const named = new Set(readFromRoot(file).match(/\bKIMDB_\w+/g));
      t.deepEqual(
        [...named].filter((code) => !codesInSources().includes(code)),
        [],
      );
    });
  }
}

test('every option with its default', (t) => {
  const { config } = resolveOptions();
  const rows = rowsUnder('`new SimpleDB(options)`').filter(({ cells }) => cells[0].startsWith('`'));
  const documented = rows.map(({ cells: [name, fallback] }) => [
    name.slice(1, -1),
    fallback === '`console.log`' ? undefined : JSON.parse(fallback.slice(1, -1).replaceAll("'", '"')),
  ]);
  t.deepEqual(documented, Object.entries(config));
});

test('every field of stats()', (t) => {
  const fields = firstNames(rowsUnder('SimpleDB').filter(({ path }) => path.at(-1) === '`stats()`'));
  t.deepEqual(fields.sort(), Object.keys(openSimple(t).stats()).sort());
});

/** The names that a class gives its instances. */
function membersOf({ prototype }) {
  return Reflect.ownKeys(prototype)
    .filter((key) => key !== 'constructor')
    .map((key) => (typeof key === 'symbol' ? key.description.replace(/^nodejs\./, 'Symbol.') : key));
}

for (const [chapter, type] of Object.entries({ SimpleDB, HyperScaleDB })) {
  test(`every member of ${chapter} has its place`, (t) => {
    const text = readFromRoot('docs/api.md').split(`\n## ${chapter}\n`)[1].split('\n## ')[0];
    const names = new Set([...text.matchAll(/`\[?([\w.]+)\]?(?:\(.*?\))?`/g)].map(([, name]) => name));
    t.deepEqual(
      membersOf(type).filter((name) => !names.has(name)),
      [],
    );
  });
}
