// The guard itself: it passes the packages as they are, and refuses each thing that must not be published.

import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import test from 'ava';
import { create, extract } from 'tar';
import { thisPlatform } from '../scripts/support/platforms.mjs';
import { checkContent } from './guard/content.mjs';
import { checkEngine, isTooNew } from './guard/engine.mjs';
import { readTarball } from './guard/tarball.mjs';
import { MODULES, makeFolder, runScript, writeFiles } from './helpers/project.mjs';
import { ENGINE, findTarballs, VERSION } from './helpers/tarballs.mjs';
import { root } from './pack.mjs';

const platform = thisPlatform();
const [MAIN, ENGINE_FILE] = findTarballs();
const BINARY = `kimdb.${platform.name}.node`;

/** What the guard says of the files of a package that `change` has changed. */
async function problemsOf(t, file, change) {
  const folder = makeFolder(t);
  await extract({ file, cwd: folder });
  await change(join(folder, 'package'));
  const changed = join(dirname(folder), 'changed.tgz');
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)));
  await create({ gzip: true, file: changed, cwd: folder }, paths);
  return checkContent(file === MAIN ? { engines: [platform] } : { platform }, await readTarball(changed));
}

const editManifest = (edit) => (folder) => {
  const file = join(folder, 'package.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  edit(manifest);
  writeFileSync(file, JSON.stringify(manifest));
};

test('the packages as they are', async (t) => {
  const unchanged = () => {};
  t.deepEqual(await problemsOf(t, MAIN, unchanged), []);
  t.deepEqual(await problemsOf(t, ENGINE_FILE, unchanged), []);
});

test('in a clone whose path has spaces and letters that are not ASCII', async (t) => {
  const folder = makeFolder(t);
  for (const path of [
    'packaging/guard',
    'packaging/pack.mjs',
    'scripts/support',
    'lib/platforms.js',
    'package.json',
  ]) {
    cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  symlinkSync(MODULES, join(folder, 'packaging', 'node_modules'), 'junction');
  writeFiles(folder, {
    'look.mjs': `import { checkWithAttw } from './packaging/guard/lint.mjs';\nconsole.log(checkWithAttw(${JSON.stringify(MAIN)}).join());`,
  });
  const runtime = [process.execPath, '--preserve-symlinks'];
  t.deepEqual(await runScript(t, folder, 'look.mjs', { runtime }), { code: 0, stdout: '\n', stderr: '' });
});

test('files that should not be there, or are missing', async (t) => {
  const problems = await problemsOf(t, MAIN, (folder) => {
    writeFileSync(join(folder, 'lib', 'secret.env'), 'TOKEN=1');
    mkdirSync(join(folder, 'data'));
    writeFileSync(join(folder, 'data', 'hyperscale_shard0.db'), '');
    rmSync(join(folder, 'lib', 'native.js'));
  });
  const wanted = [
    'data/hyperscale_shard0.db must not be in it',
    'lib/native.js is missing',
    'lib/secret.env must not be in it',
  ];
  t.deepEqual(problems.sort(), wanted);
});

test('an engine without the licenses of what is compiled in', async (t) => {
  const removed = (folder) => rmSync(join(folder, 'THIRD-PARTY.txt'));
  t.deepEqual(await problemsOf(t, ENGINE_FILE, removed), ['THIRD-PARTY.txt is missing']);
  const emptied = (folder) => writeFileSync(join(folder, 'THIRD-PARTY.txt'), '');
  t.deepEqual(await problemsOf(t, ENGINE_FILE, emptied), [
    'THIRD-PARTY.txt is not the one of the repository',
  ]);
});

test('the licenses name the crates whose code can be seen in the engine, and have a text for each', async (t) => {
  const { entries } = await readTarball(ENGINE_FILE);
  const notices = entries.get('THIRD-PARTY.txt').content.toString();
  // Panics say in which file they are.
  const paths = entries
    .get(BINARY)
    .content.toString('latin1')
    .matchAll(/index\.crates\.io-\w+\/([\w.-]+?)-(\d+\.\d+\.\d+)\//g);
  const crates = new Set([...paths].map(([, name, version]) => `${name} ${version}`));
  t.true(crates.size > 5, 'the paths are found');
  for (const crate of crates) t.true(notices.includes(`\n${crate} (`), crate);
  const [, ...parts] = notices.split(`\n${'-'.repeat(80)}\n`);
  for (const part of parts)
    t.regex(part, /Permission is hereby granted|provided 'as-is'|Permission to use, copy/, part);
});

test('links and modes', async (t) => {
  const problems = await problemsOf(t, MAIN, (folder) => {
    chmodSync(join(folder, 'bin', 'kimdb.js'), 0o644);
    rmSync(join(folder, 'LICENSE'));
    symlinkSync('README.md', join(folder, 'LICENSE'));
  });
  t.true(problems.includes('bin/kimdb.js has mode 644, not 755'), problems.join('\n'));
  t.true(problems.includes('LICENSE is a SymbolicLink, not a file'));
});

test('scripts that run at installation', async (t) => {
  const change = editManifest((manifest) => {
    manifest.scripts = { postinstall: 'node install.js' };
  });
  for (const file of [MAIN, ENGINE_FILE]) {
    t.true((await problemsOf(t, file, change)).includes('package.json must not have scripts'));
  }
});

test('an engine that is not asked for, or of another version', async (t) => {
  for (const edit of [
    ({ optionalDependencies }) => delete optionalDependencies[ENGINE],
    ({ optionalDependencies }) => Object.assign(optionalDependencies, { [ENGINE]: `^${VERSION}` }),
  ]) {
    const problems = await problemsOf(t, MAIN, editManifest(edit));
    t.true(problems.includes('package.json is not the one that pack made'), problems.join('\n'));
  }
});

test('an engine package for another system', async (t) => {
  const change = editManifest((manifest) => {
    manifest.os = ['win32'];
  });
  t.true((await problemsOf(t, ENGINE_FILE, change)).includes(`package.json is not for ${platform.name}`));
});

test('an engine for another processor', (t) => {
  const file = engineFile(t);
  const bytes = readFileSync(file);
  // The machine in the ELF header.
  bytes.writeUInt16LE(243, 18);
  writeFileSync(file, bytes);
  t.true(checkEngine(platform, file).problems.includes(`is not for ${platform.cpu}`));
});

test('a program that is not stripped, and needs libraries that an engine must not need', (t) => {
  // Node.js itself is both, on every system where it comes from nodejs.org.
  const { problems } = checkEngine(platform, process.execPath);
  t.true(
    problems.includes('needs libstdc++.so.6, which a system with glibc may not have'),
    problems.join('\n'),
  );
});

test('an engine that is none', (t) => {
  const file = engineFile(t);
  writeFileSync(file, 'cut');
  t.deepEqual(checkEngine(platform, file).problems, ['is no ELF file']);
});

test('an engine for musl that needs glibc', (t) => {
  const { problems } = checkEngine({ ...platform, libc: 'musl' }, engineFile(t));
  t.true(problems.includes('needs glibc'), problems.join('\n'));
});

test('a glibc newer than promised', (t) => {
  t.deepEqual(['2.2.5', '2.9', '2.17', '2.28', '2.29', '2.34', '3.0'].filter(isTooNew), [
    '2.29',
    '2.34',
    '3.0',
  ]);
});

test('an engine for macOS or Windows is one', (t) => {
  const bytes = Buffer.alloc(512);
  for (const [os, what] of [
    ['darwin', 'is no Mach-O file for arm64'],
    ['win32', 'is no DLL for arm64'],
  ]) {
    t.deepEqual(checkEngine({ os, cpu: 'arm64' }, undefined, bytes).problems, [what]);
    t.deepEqual(checkEngine({ os, cpu: 'arm64' }, undefined, Buffer.from('cut')).problems, [what]);
  }
  bytes.writeUInt32LE(0xfeedfacf, 0);
  bytes.writeUInt32LE(0x0100000c, 4);
  t.deepEqual(checkEngine({ os: 'darwin', cpu: 'arm64' }, undefined, bytes).problems, []);
  t.is(checkEngine({ os: 'darwin', cpu: 'x64' }, undefined, bytes).problems.length, 1);
  bytes.write('MZ', 0);
  bytes.writeUInt32LE(64, 0x3c);
  bytes.writeUInt16LE(0xaa64, 68);
  t.deepEqual(checkEngine({ os: 'win32', cpu: 'arm64' }, undefined, bytes).problems, []);
  t.is(checkEngine({ os: 'win32', cpu: 'x64' }, undefined, bytes).problems.length, 1);
});

/** The engine on its own. */
function engineFile(t) {
  const folder = makeFolder(t);
  extract({ file: ENGINE_FILE, cwd: folder, sync: true });
  const file = join(dirname(folder), BINARY);
  copyFileSync(join(folder, 'package', BINARY), file);
  return file;
}
