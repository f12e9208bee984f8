// The types of the installed package, as TypeScript projects see them.

import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import tsd from 'tsd';
import { programsOf, readPage } from '../__test__/helpers/pages.mjs';
import { MODULES, makeInstalledProject, run, runScript, writeFiles } from './helpers/project.mjs';

const inRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const COMPILER = inRoot('node_modules/typescript/bin/tsc');

const RESOLUTIONS = {
  node16: { module: 'node16', moduleResolution: 'node16' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};

/** The types of Node.js, which are a package of their own. */
function addNodeTypes(folder) {
  for (const name of ['@types/node', 'undici-types']) {
    cpSync(inRoot(`node_modules/${name}`), join(folder, 'node_modules', name), { recursive: true });
  }
}

/** A strict project. */
async function makeTypedProject(t, options, files) {
  const folder = await makeInstalledProject(t);
  addNodeTypes(folder);
  const strict = {
    strict: true,
    skipLibCheck: false,
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    types: ['node'],
  };
  const config = {
    compilerOptions: { ...strict, ...options, outDir: 'dist', rootDir: '.' },
    files: Object.keys(files),
  };
  writeFiles(folder, { ...files, 'tsconfig.json': JSON.stringify(config) });
  return folder;
}

const compile = async (t, folder) => (await run(t, process.execPath, [COMPILER], { cwd: folder })).stdout;

const [{ code: typed }] = readPage('docs/api.md').blocks.filter(({ language }) => language === 'ts');

for (const [name, options] of Object.entries(RESOLUTIONS)) {
  test(`${name}: the example in TypeScript compiles, strictly, and runs`, async (t) => {
    const folder = await makeTypedProject(t, options, { 'program.mts': typed });
    t.is(await compile(t, folder), '');
    t.deepEqual(await runScript(t, folder, 'dist/program.mjs'), { code: 0, stdout: '30\n', stderr: '' });
  });
}

const MONITORED = `
import { createServer } from 'node:http';
import SimpleDB, { type Stats } from 'kimdb';
import Same from 'kimdb/hyperscale';
import { monitor, toPrometheus } from 'kimdb/monitor';

const db: SimpleDB = new Same();
const text: string = toPrometheus(db);
const stats: Stats = db.stats();
createServer(monitor(db, { path: '/kimdb' }));
console.log(text.includes('kimdb'), stats.state);
db.close();
`;

for (const [name, options] of Object.entries(RESOLUTIONS)) {
  const suffixes = name === 'bundler' ? ['mts'] : ['mts', 'cts'];
  test(`${name}: all entries together compile, strictly, and run`, async (t) => {
    const files = Object.fromEntries(suffixes.map((suffix) => [`program.${suffix}`, MONITORED]));
    const folder = await makeTypedProject(t, options, files);
    t.is(await compile(t, folder), '');
    for (const suffix of suffixes) {
      const file = `dist/program.${suffix.replace('ts', 'js')}`;
      t.deepEqual(await runScript(t, folder, file), { code: 0, stdout: 'true ok\n', stderr: '' });
    }
  });
}

test('the examples in JavaScript compile too, as far as they are not about wrong arguments', async (t) => {
  const programs = programsOf('docs/api.md').map(({ name, source }, index) => ({
    name,
    source,
    file: `program${index}.mts`,
  }));
  const files = Object.fromEntries(programs.map(({ file, source }) => [file, source]));
  // What is read may be null, and what is thrown anything; the examples know what they have written.
  const lenient = { strictNullChecks: false, useUnknownInCatchVariables: false };
  const folder = await makeTypedProject(t, { ...RESOLUTIONS.node16, ...lenient, noEmit: true }, files);
  // The lines below a complaint explain it.
  const complaints = (await compile(t, folder)).split('\n').filter((line) => line.startsWith('program'));
  const about = complaints.map((line) => [
    programs.find(({ file }) => line.startsWith(`${file}(`)).name,
    /error (TS\d+): .*?'(?:\{\}|port)'|error (TS\d+)/.exec(line)[0],
  ]);
  // The types of Node.js know neither that a server has a port nor what a channel tells.
  const untold = ['Channels', 'error TS2345'];
  t.deepEqual(about, [
    ['Monitor, `monitor(db, options)`', "error TS2339: Property 'port'"],
    untold,
    untold,
    untold,
    ['Errors', "error TS2345: Argument of type '{}'"],
  ]);
});

test('node10: all entries are found by the oldest way, too', async (t) => {
  const source = `
import SimpleDB = require('kimdb/hyperscale');
import Same = require('kimdb');
import { toPrometheus } from 'kimdb/monitor';
const text: string = toPrometheus(new SimpleDB(), new Same());
console.log(text);
`;
  const options = { module: 'commonjs', moduleResolution: 'node10' };
  const folder = await makeTypedProject(t, options, { 'program.ts': source });
  t.is(await compile(t, folder), '');
});

test('tsd: the types are exactly these', async (t) => {
  const folder = await makeInstalledProject(t, {
    types: 'index.d.ts',
    type: 'module',
    tsd: { compilerOptions: { module: 'node16', moduleResolution: 'node16' } },
  });
  cpSync(new URL('./types/index.test-d.ts', import.meta.url), join(folder, 'index.test-d.ts'));
  writeFiles(folder, { 'index.d.ts': "export * from 'kimdb';\n" });
  addNodeTypes(folder);
  symlinkSync(join(MODULES, 'tsd'), join(folder, 'node_modules', 'tsd'), 'junction');
  const diagnostics = await tsd.default({ cwd: folder });
  t.deepEqual(
    diagnostics.map(({ fileName, line, message }) => `${fileName}:${line}: ${message}`),
    [],
  );
});
