// Makes the tarballs that are published: `kimdb`, and one for each system whose engine is there. Their package.json is that
// of the repository without what only the repository needs, and with the engines that are packed beside it. It names no others:
// `npm ci` asks for every engine that is named, and before a release no registry has them.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { NOTICES } from '../scripts/support/notices.mjs';
import { binaryOf, folderOf, PLATFORMS, packageOf, thisPlatform } from '../scripts/support/platforms.mjs';

export const root = fileURLToPath(new URL('../', import.meta.url));
export const PACKED = join(root, 'target', 'package');

/** Keys of package.json that users have no use for. */
const OURS_ALONE = ['scripts', 'devDependencies', 'ava', 'napi'];

/**
 * @param {object} options
 * @param {boolean} options.release take the engines in npm/, made by `npm run build:release`, else this machine's
 * @param {string[]} [options.only] names of the systems; all that there are unless given
 * @param {string} [options.repository] where the sources are, as npm's provenance asks for it
 * @returns {{ name: string, file: string, platform?: object, engines?: object[] }[]} an engine has its `platform`, `kimdb`
 *   those of the `engines` that it asks for
 */
export function pack({ release, only, repository }) {
  rmSync(PACKED, { recursive: true, force: true });
  mkdirSync(PACKED, { recursive: true });
  const engines = release ? releasedEngines(only) : [localEngine()];
  const platforms = engines.map(({ platform }) => platform);
  return [
    {
      name: 'kimdb',
      engines: platforms,
      file: packFolder('kimdb', (folder) => fillMain(folder, platforms, repository)),
    },
    ...engines.map(({ platform, binary }) => {
      const name = packageOf(platform);
      return {
        name,
        platform,
        file: packFolder(name, (folder) => fillEngine(folder, platform, binary, repository)),
      };
    }),
  ];
}

function localEngine() {
  const platform = thisPlatform();
  if (platform === undefined) throw new Error(`There is no package for ${process.platform}-${process.arch}.`);
  return { platform, binary: existing(join(root, binaryOf(platform)), 'npm run build') };
}

function releasedEngines(only) {
  return PLATFORMS.filter(({ name }) => only === undefined || only.includes(name)).map((platform) => {
    const make = `npm run build:release -- --target ${platform.target}`;
    return { platform, binary: existing(join(folderOf(platform), binaryOf(platform)), make) };
  });
}

function existing(file, make) {
  if (!existsSync(file)) throw new Error(`${file} is missing; make it with: ${make}`);
  return file;
}

/** The package.json that users get, with the engines of these platforms. */
export function publishedManifest(platforms, repository) {
  const manifest = readJson(join(root, 'package.json'));
  for (const key of OURS_ALONE) delete manifest[key];
  manifest.optionalDependencies = Object.fromEntries(
    platforms.map((platform) => [packageOf(platform), manifest.version]),
  );
  return withRepository(manifest, repository);
}

function withRepository(manifest, repository) {
  return repository === undefined ? manifest : { ...manifest, repository: { type: 'git', url: repository } };
}

function fillMain(folder, platforms, repository) {
  const { files } = readJson(join(root, 'package.json'));
  for (const path of [...files, 'README.md', 'LICENSE'])
    cpSync(join(root, path), join(folder, path), { recursive: true });
  writeJson(join(folder, 'package.json'), publishedManifest(platforms, repository));
}

function fillEngine(folder, platform, binary, repository) {
  const target = join(folder, binaryOf(platform));
  cpSync(binary, target);
  chmodSync(target, 0o644);
  cpSync(join(folderOf(platform), 'README.md'), join(folder, 'README.md'));
  for (const path of ['LICENSE', NOTICES]) cpSync(join(root, path), join(folder, path));
  writeJson(
    join(folder, 'package.json'),
    withRepository(readJson(join(folderOf(platform), 'package.json')), repository),
  );
}

/** Makes a tarball of an installed package as it is, for installations without a network. */
export const packInstalled = (name) => packInto(join(root, 'node_modules', name));

function packFolder(name, fill) {
  const folder = join(PACKED, name);
  mkdirSync(folder);
  fill(folder);
  return packInto(folder);
}

function packInto(folder) {
  // `--ignore-scripts` so that what is packed is what lies there.
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', PACKED];
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm pack failed in ${folder}:\n${stderr}`);
  const answer = JSON.parse(stdout);
  // npm 12 answers with an object by name, older ones with a list.
  const [{ filename }] = Array.isArray(answer) ? answer : Object.values(answer);
  return join(PACKED, filename);
}

export const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
