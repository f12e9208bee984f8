// What somebody reads who has kimdb installed, but no engine that works: what is wrong, on which system, and what to do.

import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'ava';
import { thisPlatform } from '../scripts/support/platforms.mjs';
import { makeInstalledProject, run, runScript, writeFiles } from './helpers/project.mjs';
import { nodeVersion, RUNTIMES } from './helpers/runtimes.mjs';
import { ENGINE, VERSION } from './helpers/tarballs.mjs';

const SYSTEM = `(${thisPlatform().name}, glibc ${process.report.getReport().header.glibcVersionRuntime}, Node.js ${process.versions.node}, ${process.execPath})`;
const REINSTALL = 'delete node_modules and run `npm install` on this machine';

const LOAD = `
try {
  require('kimdb');
  console.log('loaded');
} catch ({ name, code, message, cause }) {
  console.log(JSON.stringify({ name, code, message, behind: cause?.message }));
}
`;

/** The error that loading kimdb ends with. */
async function load(t, folder, options) {
  writeFiles(folder, { 'load.cjs': LOAD });
  const { code, stdout, stderr } = await runScript(t, folder, 'load.cjs', options);
  t.deepEqual([code, stderr], [0, ''], stdout);
  return stdout === 'loaded\n' ? 'loaded' : JSON.parse(stdout);
}

const noBinding = (message, behind = undefined) => ({
  name: 'KimDBError',
  code: 'KIMDB_NO_BINDING',
  message,
  ...(behind && { behind }),
});

/** The file of the engine in a project. */
const engineIn = (folder) => join(folder, 'node_modules', ENGINE, `kimdb.${thisPlatform().name}.node`);

test('without the package of the engine', async (t) => {
  const folder = await makeInstalledProject(t);
  rmSync(join(folder, 'node_modules', ENGINE), { recursive: true });
  t.deepEqual(
    await load(t, folder),
    noBinding(
      `The native engine of kimdb is not installed: the package ${ENGINE} is missing. It comes with kimdb by itself, unless ` +
        `optional dependencies are left out (--omit=optional, --no-optional): ${REINSTALL}, without these. If it is missing again, delete ` +
        `package-lock.json too: older versions of npm may have left it out there. A bundler has to leave kimdb out of the bundle (external). In a clone of the repository: npm run build. ${SYSTEM}`,
    ),
  );
});

test('the command line without the package of the engine', async (t) => {
  const folder = await makeInstalledProject(t);
  rmSync(join(folder, 'node_modules', ENGINE), { recursive: true });
  const args = ['node_modules/kimdb/bin/kimdb.js', '--db', 'app.db', 'set', 'a', 'b', '{}'];
  const { code, stdout, stderr } = await run(t, process.execPath, args, { cwd: folder });
  t.deepEqual([code, stdout], [2, '']);
  t.regex(stderr, /^kimdb: The native engine of kimdb is not installed: .*\(KIMDB_NO_BINDING\)\n$/);
});

test('with node_modules from a system with musl', async (t) => {
  const folder = await makeInstalledProject(t);
  const other = ENGINE.replace('-gnu', '-musl');
  const modules = join(folder, 'node_modules');
  rmSync(join(modules, ENGINE), { recursive: true });
  mkdirSync(join(modules, other));
  writeFiles(modules, { [`${other}/package.json`]: JSON.stringify({ name: other, version: VERSION }) });
  t.deepEqual(
    await load(t, folder),
    noBinding(
      `The native engine of kimdb is not installed: the package ${ENGINE} is missing, and there is ${other} for another ` +
        `system. node_modules was made elsewhere: ${REINSTALL}. ${SYSTEM}`,
    ),
  );
});

test('with a package whose engine is gone', async (t) => {
  const folder = await makeInstalledProject(t);
  rmSync(engineIn(folder));
  const message = `The package ${ENGINE} is installed, but its .node file is missing: ${REINSTALL}. ${SYSTEM}`;
  t.deepEqual(await load(t, folder), noBinding(message));
});

test('with an engine that is cut off', async (t) => {
  const folder = await makeInstalledProject(t);
  truncateSync(engineIn(folder), 100);
  isBroken(t, folder, await load(t, folder));
});

test('with an engine for another processor', async (t) => {
  const folder = await makeInstalledProject(t);
  const file = engineIn(folder);
  const bytes = readFileSync(file);
  // The machine in the ELF header: RISC-V, for which there is no package.
  bytes.writeUInt16LE(243, 18);
  writeFileSync(file, bytes);
  isBroken(t, folder, await load(t, folder));
});

/** What the operating system says in between is its own. */
function isBroken(t, folder, { code, message }) {
  t.is(code, 'KIMDB_NO_BINDING');
  const start = `The native engine of kimdb is installed, but cannot be loaded: ${engineIn(folder)}: `;
  t.true(message.startsWith(start), message);
  t.true(
    message.endsWith(`. It may be damaged or made for another system: ${REINSTALL}. ${SYSTEM}`),
    message,
  );
}

test('where Node.js loads no addons', async (t) => {
  const folder = await makeInstalledProject(t);
  t.deepEqual(
    await load(t, folder, { runtime: [process.execPath, '--no-addons'] }),
    noBinding(
      "kimdb's engine is an addon, and Node.js was told to load none: start it without --no-addons, or with --allow-addons where it runs " +
        `with --permission. ${SYSTEM}`,
      'Cannot load native addon because loading addons is disabled.',
    ),
  );
});

test('on a system whose glibc is too old', async (t) => {
  const folder = await makeInstalledProject(t);
  const file = engineIn(folder);
  const text = readFileSync(file).toString('latin1');
  // Asks for a glibc that no system has: the name of a version, and the hash that the linker compares first.
  const name = /GLIBC_2\.3[0-9]\0/.exec(text)?.[0] ?? 'GLIBC_2.28\0';
  const wanted = name.replace(/\d\0/, '?\0');
  const hash = (version) =>
    Buffer.from(new Uint32Array([elfHash(version.slice(0, -1))]).buffer).toString('latin1');
  const changed = text.replaceAll(name, wanted).replaceAll(hash(name), hash(wanted));
  writeFileSync(file, Buffer.from(changed, 'latin1'));
  const { code, message } = await load(t, folder);
  t.is(code, 'KIMDB_NO_BINDING');
  const { glibcVersionRuntime } = process.report.getReport().header;
  t.true(
    message.startsWith(
      `kimdb needs glibc 2.28 or newer, and this system has ${glibcVersionRuntime}: use a newer system (Debian 10, Ubuntu 20.04, ` +
        'RHEL 8 or newer). The system says: ',
    ),
    message,
  );
});

/** The hash of names of versions in ELF files (System V ABI, chapter 5). */
function elfHash(name) {
  let hash = 0;
  for (const character of name) {
    hash = (hash << 4) + character.charCodeAt(0);
    hash = (hash ^ ((hash & 0xf0000000) >>> 24)) & 0x0fffffff;
  }
  return hash >>> 0;
}

test('with an engine of another version', async (t) => {
  const folder = await makeInstalledProject(t);
  const manifest = join(folder, 'node_modules', 'kimdb', 'package.json');
  writeFileSync(
    manifest,
    readFileSync(manifest, 'utf8').replace(`"version": "${VERSION}"`, '"version": "8.9.9"'),
  );
  const message = `kimdb 8.9.9 has loaded the engine of kimdb ${VERSION}, so the installation is mixed up: ${REINSTALL}. In a clone of the repository: npm run build.`;
  t.deepEqual(await load(t, folder), noBinding(message));
});

test('NAPI_RS_NATIVE_LIBRARY_PATH names the engine to load', async (t) => {
  const folder = await makeInstalledProject(t);
  const file = join(folder, 'engine of mine.node');
  copyFileSync(engineIn(folder), file);
  rmSync(join(folder, 'node_modules', ENGINE), { recursive: true });
  t.is(await load(t, folder, { env: { NAPI_RS_NATIVE_LIBRARY_PATH: file } }), 'loaded');
});

test('NAPI_RS_NATIVE_LIBRARY_PATH names nothing', async (t) => {
  const folder = await makeInstalledProject(t);
  const env = { NAPI_RS_NATIVE_LIBRARY_PATH: '/nowhere/kimdb.node' };
  t.deepEqual(
    await load(t, folder, { env }),
    noBinding(
      "NAPI_RS_NATIVE_LIBRARY_PATH is set to '/nowhere/kimdb.node', which cannot be loaded: Cannot find module " +
        `'/nowhere/kimdb.node'. Unset it to use the installed engine, or set it to a file that fits. ${SYSTEM}`,
    ),
  );
});

test('NAPI_RS_NATIVE_LIBRARY_PATH names something else', async (t) => {
  const folder = await makeInstalledProject(t);
  const file = join(folder, 'other.cjs');
  writeFiles(folder, { 'other.cjs': 'exports.other = true;' });
  t.deepEqual(
    await load(t, folder, { env: { NAPI_RS_NATIVE_LIBRARY_PATH: file } }),
    noBinding(
      `NAPI_RS_NATIVE_LIBRARY_PATH names something that is not the engine of kimdb, '${file}', and this is kimdb ${VERSION}: ` +
        'unset it, or set it to an engine of this version.',
    ),
  );
});

test('on a system that has no package', async (t) => {
  const folder = await makeInstalledProject(t);
  writeFiles(folder, { 'solaris.cjs': "Object.defineProperty(process, 'platform', { value: 'sunos' });" });
  const runtime = [process.execPath, '--require', './solaris.cjs'];
  const names = [
    'linux-x64-gnu',
    'linux-arm64-gnu',
    'linux-x64-musl',
    'linux-arm64-musl',
    'darwin-x64',
    'darwin-arm64',
    'win32-x64-msvc',
    'win32-arm64-msvc',
  ];
  t.deepEqual(
    await load(t, folder, { runtime }),
    noBinding(
      `There is no ready-made engine of kimdb for sunos-${process.arch}, only for ${names.join(', ')}: use one of these ` +
        `systems, or build kimdb from its sources. (sunos-${process.arch}, Node.js ${process.versions.node}, ${process.execPath})`,
    ),
  );
});

for (const [name, executable] of nodeVersion('node-18')) {
  test(`with ${name}, which is too old`, async (t) => {
    const folder = await makeInstalledProject(t);
    const message =
      'kimdb needs Node.js 20 or newer, and this is Node.js 18.20.8: install a newer one from https://nodejs.org, then run ' +
      'npm install again.';
    t.deepEqual(await load(t, folder, { runtime: [executable] }), noBinding(message));
    const monitored = await run(
      t,
      executable,
      ['-e', "try { require('kimdb/monitor') } catch ({ message }) { console.log(message) }"],
      { cwd: folder },
    );
    t.deepEqual([monitored.code, monitored.stdout], [0, `${message}\n`], monitored.stderr);
    const command = await run(t, executable, ['node_modules/kimdb/bin/kimdb.js', 'ls'], { cwd: folder });
    t.deepEqual(command, { code: 2, stdout: '', stderr: `kimdb: ${message} (KIMDB_NO_BINDING)\n` });
  });
}

for (const [runtime, command] of RUNTIMES) {
  if (runtime !== 'Deno') continue;
  const allowed = ['--allow-ffi', '--allow-read', '--allow-env'];
  const load = (t, folder, flags) =>
    runScript(t, folder, 'load.cjs', { runtime: [command[0], 'run', '--no-prompt', ...flags] });

  test('in Deno, with the permissions that the README names', async (t) => {
    const folder = await makeInstalledProject(t);
    writeFiles(folder, { 'load.cjs': LOAD });
    t.like(await load(t, folder, allowed), { code: 0, stdout: 'loaded\n' });
  });

  for (const [missing, what] of [
    ['--allow-ffi', 'ffi access to'],
    ['--allow-env', 'env access to'],
  ]) {
    test(`in Deno, without ${missing}`, async (t) => {
      const folder = await makeInstalledProject(t);
      writeFiles(folder, { 'load.cjs': LOAD });
      const { stdout } = await load(
        t,
        folder,
        allowed.filter((flag) => flag !== missing),
      );
      const { code, message } = JSON.parse(stdout);
      t.is(code, 'KIMDB_NO_BINDING');
      const start =
        'Deno does not let kimdb load its engine, for which it needs --allow-ffi, --allow-read and --allow-env. Deno says: ';
      t.true(message.startsWith(`${start}Requires ${what} `), message);
    });
  }
}
