// What holds for all pages: both languages say the same, and links lead somewhere.

import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { allPages, BILINGUAL, readFromRoot, readPage, withoutComments } from './helpers/pages.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

for (const page of BILINGUAL) {
  const [english, korean] = [readPage(`${page}.md`), readPage(`${page}.ko.md`)];

  test(`${page}: both languages have the same headings`, (t) => {
    // Names of code are the same, titles are translated.
    const shape = ({ headings }) =>
      headings.map(({ level, text }) => [level, ...(text.match(/`[^`]+`/g) ?? [])]);
    t.deepEqual(shape(korean), shape(english));
  });

  test(`${page}: both languages have the same code`, (t) => {
    const code = ({ blocks }) => blocks.map(({ language, code }) => [language, withoutComments(code)]);
    t.deepEqual(code(korean), code(english));
  });

  test(`${page}: both languages have the same tables`, (t) => {
    // Sorted, because languages order words differently.
    const names = (text) => (text.match(/`[^`]+`/g) ?? []).sort();
    const shape = ({ rows }) => rows.map(({ cells }) => [cells.length, ...names(cells[0])]);
    t.deepEqual(shape(korean), shape(english));
  });
}

/** The anchor that a heading gets. */
const anchorOf = (text) =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-');

/** The anchors of a page; a heading that comes again gets a number. */
function anchorsOf(file) {
  const seen = new Map();
  return readPage(file).headings.map(({ text }) => {
    const anchor = anchorOf(text);
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    return times === 0 ? anchor : `${anchor}-${times}`;
  });
}

for (const file of allPages()) {
  test(`${file}: links lead somewhere`, (t) => {
    const text = readFromRoot(file).replace(/^```[\s\S]*?^```/gm, '');
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)|^\[\w+\]: (\S+)/gm)].map(([, a, b]) => a ?? b);
    for (const target of targets.filter((target) => !/^[a-z]+:/.test(target))) {
      const [path, anchor] = target.split('#');
      const place = path === '' ? file : posix.join(posix.dirname(file), path);
      t.true(existsSync(ROOT + place), `${target}: ${place} is not there`);
      if (anchor !== undefined) t.true(anchorsOf(place).includes(anchor), `${target}: no such heading`);
    }
    t.pass();
  });
}
