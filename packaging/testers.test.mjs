// The installed package in the test programs that users have.

import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { commandOf, makeInstalledProject, run, writeFiles } from './helpers/project.mjs';

const AVA = fileURLToPath(new URL('../node_modules/ava', import.meta.url));

const body = (equal) => `
  const db = new SimpleDB({ dbPath: './data/tested.db' });
  await db.set('users', 'u001', { name: 'Kim' });
  ${equal('(await db.get("users", "u001")).data', "{ name: 'Kim' }")};
  await db.flush();
  ${equal('db.stats().flushedWrites', '1')};
  db.close();
`;
const expectation = (found, wanted) => `expect(${found}).toEqual(${wanted})`;

async function passes(t, folder, script, args) {
  const { code, stdout, stderr } = await run(t, process.execPath, [script, ...args], {
    cwd: folder,
    env: { CI: '1', NO_COLOR: '1' },
  });
  t.is(code, 0, stdout + stderr);
  t.regex(stdout + stderr, /\b1 (test )?passed/);
}

test('Jest', async (t) => {
  const folder = await makeInstalledProject(t);
  const source = `const SimpleDB = require('kimdb/hyperscale');\n\ntest('writes', async () => {${body(expectation)}});\n`;
  writeFiles(folder, { 'db.test.js': source });
  await passes(t, folder, commandOf('jest'), ['--rootDir', folder]);
});

test('Vitest', async (t) => {
  const folder = await makeInstalledProject(t);
  const source = `import SimpleDB from 'kimdb/hyperscale';\n\ntest('writes', async () => {${body(expectation)}});\n`;
  writeFiles(folder, { 'db.test.mjs': source });
  await passes(t, folder, commandOf('vitest'), ['run', '--globals', '--root', folder]);
});

test('AVA', async (t) => {
  const folder = await makeInstalledProject(t);
  const assertion = (found, wanted) => `t.deepEqual(${found}, ${wanted})`;
  const source = `import test from 'ava';\nimport SimpleDB from 'kimdb/hyperscale';\n\ntest('writes', async (t) => {${body(assertion)}});\n`;
  writeFiles(folder, { 'db.test.mjs': source });
  symlinkSync(AVA, join(folder, 'node_modules', 'ava'), 'junction');
  await passes(t, folder, join(folder, 'node_modules/ava/entrypoints/cli.mjs'), []);
});
