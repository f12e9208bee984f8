// A program that was made one file, by the settings of the README: with kimdb left outside, and with kimdb inside and its engine
// as a file beside it.

import { readdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import test from 'ava';
import { build } from 'esbuild';
import webpack from 'webpack';
import { makeFolder, makeInstalledProject, runScript, writeFiles } from './helpers/project.mjs';

const nodeLoader = createRequire(import.meta.url).resolve('node-loader');

const PROGRAM = `
import SimpleDB from 'kimdb/hyperscale';

async function main() {
  const db = new SimpleDB();
  await db.set('users', 'u001', { name: 'Kim' });
  console.log((await db.get('users', 'u001')).data.name);
  db.close();
}
main();
`;

async function makeProject(t) {
  const folder = await makeInstalledProject(t);
  writeFiles(folder, { 'app.js': PROGRAM });
  return folder;
}

const runs = async (t, folder, script) =>
  t.deepEqual(await runScript(t, folder, script), { code: 0, stdout: 'Kim\n', stderr: '' });

/** Without node_modules: what was bundled is all there is. */
async function runsElsewhere(t, folder) {
  const other = makeFolder(t);
  renameSync(join(folder, 'dist'), join(other, 'dist'));
  await runs(t, other, 'dist/app.cjs');
  return readdirSync(join(other, 'dist')).map((name) => name.replace(/[\w.-]+\.node$/, '*.node'));
}

const esbuild = (folder, options) =>
  build({
    absWorkingDir: folder,
    entryPoints: ['app.js'],
    bundle: true,
    platform: 'node',
    logLevel: 'silent',
    ...options,
  });

for (const [format, outfile] of [
  ['cjs', 'dist/app.cjs'],
  ['esm', 'dist/app.mjs'],
]) {
  test(`esbuild, kimdb external, ${format}`, async (t) => {
    const folder = await makeProject(t);
    const { errors, warnings } = await esbuild(folder, { format, outfile, external: ['kimdb'] });
    t.deepEqual([errors, warnings], [[], []]);
    await runs(t, folder, outfile);
  });
}

test('esbuild, kimdb bundled', async (t) => {
  const folder = await makeProject(t);
  const options = { format: 'cjs', outfile: 'dist/app.cjs', loader: { '.node': 'copy' } };
  const { errors, warnings } = await esbuild(folder, options);
  t.deepEqual([errors, warnings], [[], []]);
  t.deepEqual((await runsElsewhere(t, folder)).sort(), ['*.node', 'app.cjs']);
});

function pack(folder, options) {
  const config = {
    context: folder,
    entry: './app.js',
    target: 'node',
    mode: 'production',
    output: { path: join(folder, 'dist'), filename: 'app.cjs' },
    ...options,
  };
  return new Promise((resolve, reject) => {
    const compiler = webpack(config);
    compiler.run((error, stats) =>
      compiler.close(() =>
        error ? reject(error) : resolve(stats.toJson({ all: false, errors: true, warnings: true })),
      ),
    );
  });
}

const messages = (list) => list.map(({ message }) => message);

test('webpack, kimdb external', async (t) => {
  const folder = await makeProject(t);
  const { errors, warnings } = await pack(folder, {
    externals: { 'kimdb/hyperscale': 'commonjs kimdb/hyperscale' },
  });
  t.deepEqual([messages(errors), messages(warnings)], [[], []]);
  await runs(t, folder, 'dist/app.cjs');
});

test('webpack, kimdb bundled', async (t) => {
  const folder = await makeProject(t);
  const module = { rules: [{ test: /\.node$/, loader: nodeLoader }] };
  const { errors, warnings } = await pack(folder, {
    module,
    ignoreWarnings: [{ module: /kimdb[\\/](binding|lib[\\/]native-failure)\.js$/ }],
  });
  t.deepEqual([messages(errors), messages(warnings)], [[], []]);
  t.deepEqual((await runsElsewhere(t, folder)).sort(), ['*.node', 'app.cjs']);
});
