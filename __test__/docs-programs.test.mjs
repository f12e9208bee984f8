// Each program of the pages runs as it stands there, in an empty folder, and prints what the page says.

import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { linkPackage, runModule, startCommand } from './helpers/child.mjs';
import { useFolder } from './helpers/database.mjs';
import { BILINGUAL, programsOf, promisedLines, readPage, withoutComments } from './helpers/pages.mjs';

const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const typeRoots = fileURLToPath(new URL('../node_modules/@types', import.meta.url));

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

test('the program in TypeScript compiles', async (t) => {
  const [{ code }, ...others] = readPage('docs/api.md').blocks.filter(({ language }) => language === 'ts');
  t.is(others.length, 0);
  const folder = useFolder(t);
  linkPackage(folder);
  writeFileSync(join(folder, 'program.mts'), code);
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'node16',
    '--target',
    'es2022',
    '--lib',
    'es2022,esnext',
  ];
  const args = [compiler, ...options, '--types', 'node', '--typeRoots', typeRoots, 'program.mts'];
  const result = await startCommand(t, process.execPath, args, { cwd: folder }).ended;
  t.deepEqual([result.code, result.stdout], [0, '']);
});
