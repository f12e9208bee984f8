// From an empty project to the first write, by every package manager, on a machine that has Node.js and nothing else.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { programsOf, promisedLines } from '../__test__/helpers/pages.mjs';
import {
  installOffline,
  makeProject,
  npm,
  run,
  runCommand,
  runScript,
  writeFiles,
} from './helpers/project.mjs';
import { startRegistry } from './helpers/registry.mjs';
import { ENGINE, VERSION } from './helpers/tarballs.mjs';

const [{ source: PROGRAM }] = programsOf('README.md');
const PRINTED = `${promisedLines(PROGRAM).join('\n')}\n`;

/** The first program of the README works, and nothing else was needed. */
async function writesAndReads(t, folder, options) {
  writeFiles(folder, { 'app.mjs': PROGRAM });
  t.deepEqual(await runScript(t, folder, 'app.mjs', options), { code: 0, stdout: PRINTED, stderr: '' });
}

/** Only the engine of this system was fetched. */
function fetchedOnlyWhatFits(t, { fetched }) {
  const engines = fetched.filter((name) => /^kimdb-\D/.test(name));
  t.deepEqual([...new Set(engines)], [`${ENGINE}-${VERSION}.tgz`]);
}

test('there is no Rust on the path of these tests', async (t) => {
  const folder = makeProject(t);
  const script =
    "for (const name of ['cargo', 'rustc']) console.log(require('node:child_process').spawnSync(name).error?.code)";
  t.is((await run(t, 'node', ['-e', script], { cwd: folder })).stdout, 'ENOENT\nENOENT\n');
});

test('npm install kimdb', async (t) => {
  const registry = await startRegistry(t);
  const folder = makeProject(t);
  await npm(t, folder, ['install', 'kimdb', '--ignore-scripts', '--registry', registry.url]);
  await writesAndReads(t, folder);
  fetchedOnlyWhatFits(t, registry);
});

test('npm ci, from the lock file that npm install has made', async (t) => {
  const registry = await startRegistry(t);
  const folder = makeProject(t);
  await npm(t, folder, ['install', 'kimdb', '--registry', registry.url]);
  await npm(t, folder, ['ci', '--registry', registry.url]);
  await writesAndReads(t, folder);
  fetchedOnlyWhatFits(t, registry);
});

test('npm, from tarballs alone, without a network', async (t) => {
  const folder = makeProject(t);
  await installOffline(t, folder);
  await writesAndReads(t, folder);
});

test('npm ci, from the lock file that an installation from tarballs has made', async (t) => {
  const folder = makeProject(t);
  await installOffline(t, folder);
  await npm(t, folder, ['ci', '--offline']);
  await writesAndReads(t, folder);
});

test('pnpm add kimdb', async (t) => {
  const registry = await startRegistry(t);
  const folder = makeProject(t);
  const env = { npm_config_registry: registry.url, XDG_DATA_HOME: folder, XDG_CACHE_HOME: folder };
  const added = await runCommand(t, folder, 'pnpm', ['add', 'kimdb', '--ignore-scripts'], { env });
  t.is(added.code, 0, added.stdout + added.stderr);
  await writesAndReads(t, folder);
  fetchedOnlyWhatFits(t, registry);
});

test('yarn add kimdb, version 1', async (t) => {
  const registry = await startRegistry(t);
  const folder = makeProject(t);
  const args = ['add', 'kimdb', '--ignore-scripts', '--non-interactive', '--registry', registry.url];
  const env = { YARN_CACHE_FOLDER: join(folder, 'cache') };
  const added = await runCommand(t, folder, 'yarn', args, { env });
  t.is(added.code, 0, added.stdout + added.stderr);
  await writesAndReads(t, folder);
});

for (const linker of ['node-modules', 'pnp']) {
  test(`yarn add kimdb, version 4, ${linker}`, async (t) => {
    const registry = await startRegistry(t);
    const folder = makeProject(t);
    writeFiles(folder, { 'yarn.lock': '' });
    const env = {
      YARN_NPM_REGISTRY_SERVER: registry.url,
      YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
      YARN_NODE_LINKER: linker,
      YARN_ENABLE_SCRIPTS: 'false',
      YARN_ENABLE_GLOBAL_CACHE: 'false',
      YARN_ENABLE_TELEMETRY: 'false',
      YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
    };
    const yarn = (args) => runCommand(t, folder, '@yarnpkg/cli-dist', args, { command: 'yarn', env });
    const added = await yarn(['add', 'kimdb']);
    t.is(added.code, 0, added.stdout + added.stderr);
    t.is(existsSync(join(folder, '.pnp.cjs')), linker === 'pnp');
    if (linker === 'node-modules') return writesAndReads(t, folder);
    // Yarn teaches `import` to look there in projects that ask for it, `require` in all.
    writeFiles(folder, {
      'app.cjs':
        "const SimpleDB = require('kimdb');\nnew SimpleDB().set('users', 'u001', {}).then(({ id }) => console.log(id));\n",
    });
    const { code, stdout, stderr } = await yarn(['node', 'app.cjs']);
    t.deepEqual([code, stdout], [0, 'u001\n'], stderr);
  });
}

test('npx kimdb', async (t) => {
  const folder = makeProject(t);
  await installOffline(t, folder);
  await writesAndReads(t, folder);
  const { code, stdout, stderr } = await run(t, 'npx', ['kimdb', '--db', 'data/hyperscale.db', 'ls'], {
    cwd: folder,
  });
  t.is(code, 0, stderr);
  t.regex(stdout, /users/);
});
