// The types, as the two ways of resolving modules see them.

import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const root = fileURLToPath(new URL('../', import.meta.url));

const compile = (...args) =>
  run(process.execPath, [compiler, '--noEmit', ...args], { cwd: root }).then(
    () => '',
    (error) => error.stdout,
  );

test('types hold under moduleResolution node16, for import and require', async (t) => {
  t.is(await compile('--project', 'tsconfig.json'), '');
});

test('types hold under moduleResolution bundler', async (t) => {
  t.is(await compile('--project', '__test__/types/tsconfig.bundler.json'), '');
});
