// A program that was made one file, by the commands and settings of docs/installing.md: with kimdb left outside, and with kimdb
// inside and its engine as a file beside it.

import { cpSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { nodeFileTrace } from '@vercel/nft';
import test from 'ava';
import webpack from 'webpack';
import { readPage } from '../__test__/helpers/pages.mjs';
import {
  MODULES,
  makeFolder,
  makeInstalledProject,
  runCommand,
  runScript,
  writeFiles,
} from './helpers/project.mjs';

const PROGRAM = `
import Same from 'kimdb';
import SimpleDB from 'kimdb/hyperscale';
import { toPrometheus } from 'kimdb/monitor';

async function main() {
  const db = new SimpleDB();
  await db.set('users', 'u001', { name: 'Kim' });
  if (Same !== SimpleDB || !toPrometheus(db).includes('kimdb_')) throw new Error('there are two of kimdb');
  console.log((await db.get('users', 'u001')).data.name);
  db.close();
}
main();
`;

const MONITORED = `
import { createServer } from 'node:http';
import SimpleDB from 'kimdb';
import { monitor } from 'kimdb/monitor';

const db = new SimpleDB();
const server = createServer(monitor(db)).listen(0, 'localhost', async () => {
  for (const path of ['/', '/metrics']) {
    const response = await fetch('http://localhost:' + server.address().port + path);
    console.log(response.status, (await response.text()).split('\\n')[0]);
  }
  server.close();
  db.close();
});
`;

const { blocks } = readPage('docs/installing.md');
const esbuildCommands = blocks.map(({ code }) => code).filter((code) => code.startsWith('npx esbuild '));
const webpackConfigs = blocks.filter(({ language }) => language === 'javascript').map(({ code }) => code);

const CASES = [
  { name: 'kimdb external', index: 0, elsewhere: false },
  { name: 'kimdb bundled', index: 1, elsewhere: true },
];

async function makeProject(t) {
  const folder = await makeInstalledProject(t);
  writeFiles(folder, { 'app.mjs': PROGRAM });
  return folder;
}

async function runs(t, folder) {
  t.deepEqual(await runScript(t, folder, 'dist/app.cjs'), { code: 0, stdout: 'Kim\n', stderr: '' });
}

/** Without node_modules: what was bundled is all there is. */
async function runsElsewhere(t, folder) {
  const other = makeFolder(t);
  renameSync(join(folder, 'dist'), join(other, 'dist'));
  await runs(t, other);
  const names = readdirSync(join(other, 'dist')).map((name) => name.replace(/^.+\.node$/, '*.node'));
  t.deepEqual(names.sort(), ['*.node', 'app.cjs']);
}

test('a bundle with the monitor says that its page is missing, and has its figures', async (t) => {
  const folder = await makeInstalledProject(t);
  writeFiles(folder, { 'app.mjs': MONITORED });
  const [, , ...args] = esbuildCommands[1].split(' ');
  t.is((await runCommand(t, folder, 'esbuild', args)).code, 0);
  const { code, stdout, stderr } = await runScript(t, folder, 'dist/app.cjs');
  t.deepEqual([code, stderr], [0, '']);
  const [page, metrics] = stdout.trimEnd().split('\n');
  t.regex(page, /^500 The files of this page are missing\. A bundler has to leave kimdb out/);
  t.regex(metrics, /^200 # /);
});

test('a bundle of an ES module with the monitor says so too', async (t) => {
  const folder = await makeInstalledProject(t);
  writeFiles(folder, { 'app.mjs': MONITORED });
  const banner =
    "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
  const args = ['app.mjs', '--bundle', '--platform=node', '--format=esm', `--banner:js=${banner}`];
  const { code } = await runCommand(t, folder, 'esbuild', [
    ...args,
    '--loader:.node=copy',
    '--outfile=dist/app.mjs',
  ]);
  t.is(code, 0);
  const { stdout, stderr } = await runScript(t, folder, 'dist/app.mjs');
  t.is(stderr, '');
  t.regex(stdout, /^500 The files of this page are missing\. .*\n200 # /);
});

test('what traces the files of a program finds all that it needs', async (t) => {
  const folder = await makeInstalledProject(t);
  writeFiles(folder, { 'app.mjs': MONITORED });
  const { fileList } = await nodeFileTrace([join(folder, 'app.mjs')], { base: folder });
  const other = makeFolder(t);
  for (const file of fileList) cpSync(join(folder, file), join(other, file));
  const { code, stdout, stderr } = await runScript(t, other, 'app.mjs');
  t.deepEqual([code, stderr], [0, '']);
  t.regex(stdout, /^200 <!doctype html>\n200 # /i);
});

test('the page has a command of esbuild and settings of webpack for each case', (t) => {
  t.deepEqual([esbuildCommands.length, webpackConfigs.length], [CASES.length, CASES.length]);
});

for (const { name, index, elsewhere } of CASES) {
  test(`esbuild, ${name}`, async (t) => {
    const folder = await makeProject(t);
    const [, , ...args] = esbuildCommands[index].split(' ');
    const { code, stderr } = await runCommand(t, folder, 'esbuild', [...args, '--log-level=warning']);
    t.deepEqual([code, stderr], [0, '']);
    await (elsewhere ? runsElsewhere : runs)(t, folder);
  });

  test(`webpack, ${name}`, async (t) => {
    const folder = await makeProject(t);
    writeFiles(folder, { 'webpack.config.cjs': webpackConfigs[index] });
    symlinkSync(join(MODULES, 'node-loader'), join(folder, 'node_modules', 'node-loader'), 'junction');
    const config = createRequire(import.meta.url)(join(folder, 'webpack.config.cjs'));
    t.deepEqual(await bundle({ context: folder, ...config }), { errors: [], warnings: [] });
    await (elsewhere ? runsElsewhere : runs)(t, folder);
  });
}

function bundle(config) {
  return new Promise((resolve, reject) => {
    const compiler = webpack(config);
    compiler.run((error, stats) => {
      const end = () => {
        if (error) return reject(error);
        const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
        const texts = (list) => list.map(({ message }) => message);
        return resolve({ errors: texts(errors), warnings: texts(warnings) });
      };
      compiler.close(end);
    });
  });
}
