// Each program of the pages runs as it stands there, in an empty folder, and prints what the page says.

import test from 'ava';
import { runModule } from './helpers/child.mjs';
import { useFolder } from './helpers/database.mjs';
import { BILINGUAL, programsOf, promisedLines, withoutComments } from './helpers/pages.mjs';

/** By their text, so that what both languages show runs once. */
const programs = new Map();
for (const page of BILINGUAL) {
  for (const file of [`${page}.md`, `${page}.ko.md`]) {
    for (const { name, source } of programsOf(file)) {
      const key = withoutComments(source);
      if (!programs.has(key)) programs.set(key, { title: `${programs.size + 1}, ${file}: ${name}`, source });
    }
  }
}

// One after the other: each starts a process with threads of its own.
for (const { title, source } of programs.values()) {
  test.serial(title, async (t) => {
    const { code, lines, stderr } = await runModule(t, useFolder(t), source);
    t.is(code, 0, stderr);
    t.is(stderr, '');
    t.deepEqual(lines, promisedLines(source));
  });
}
