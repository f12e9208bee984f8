// Nothing is in a tarball that should not be there, and nothing is missing: files, their modes, and package.json.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { NOTICES } from '../../scripts/support/notices.mjs';
import { binaryOf } from '../../scripts/support/platforms.mjs';
import { publishedManifest, readJson, root } from '../pack.mjs';

const ALWAYS = ['package.json', 'README.md', 'LICENSE'];

/** Made by the build, so git does not know them. */
const BUILT = ['binding.js'];

/**
 * @param {{ platform?: object, engines?: object[] }} tarball as `pack` gives it
 * @returns {string[]} what is wrong
 */
export function checkContent({ platform, engines }, { entries }) {
  const expected = platform === undefined ? mainFiles() : [...ALWAYS, NOTICES, binaryOf(platform)];
  const found = [...entries.keys()];
  return [
    ...found.filter((path) => !expected.includes(path)).map((path) => `${path} must not be in it`),
    ...expected.filter((path) => !found.includes(path)).map((path) => `${path} is missing`),
    ...checkNotices(entries.get(NOTICES)),
    ...[...entries].flatMap(([path, entry]) => checkEntry(path, entry)),
    ...checkManifest(JSON.parse(entries.get('package.json')?.content ?? '{}'), platform, engines),
  ];
}

/** What `files` in package.json names and git knows. */
function mainFiles() {
  const { files } = readJson(`${root}package.json`);
  const { status, stdout } = spawnSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', ...files],
    { cwd: root, encoding: 'utf8' },
  );
  if (status !== 0)
    throw new Error('git ls-files failed: the files of the package are compared with those that git knows.');
  return [...new Set([...stdout.split('\0').filter(Boolean), ...ALWAYS, ...BUILT])];
}

/** The licenses of what is compiled in; `npm run check` holds the file in the repository to that. */
function checkNotices(entry) {
  const isSame = entry === undefined || entry.content.equals(readFileSync(`${root}${NOTICES}`));
  return isSame ? [] : [`${NOTICES} is not the one of the repository`];
}

function checkEntry(path, { type, mode }) {
  if (type !== 'File') return [`${path} is a ${type}, not a file`];
  const wanted = path.startsWith('bin/') ? 0o755 : 0o644;
  return (mode & 0o777) === wanted
    ? []
    : [`${path} has mode ${(mode & 0o777).toString(8)}, not ${wanted.toString(8)}`];
}

function checkManifest(manifest, platform, engines) {
  const problems = [];
  for (const key of ['scripts', 'gypfile', 'devDependencies', 'bundleDependencies']) {
    if (manifest[key] !== undefined) problems.push(`package.json must not have ${key}`);
  }
  if (platform === undefined) {
    const { repository } = manifest;
    if (!isDeepStrictEqual(manifest, publishedManifest(engines, repository?.url)))
      problems.push('package.json is not the one that pack made');
    if (manifest.bin?.kimdb !== 'bin/kimdb.js') problems.push('package.json has no command kimdb');
  } else {
    const { os, cpu, libc } = manifest;
    const wanted = { os: [platform.os], cpu: [platform.cpu], libc: platform.libc && [platform.libc] };
    if (!isDeepStrictEqual({ os, cpu, libc }, wanted))
      problems.push(`package.json is not for ${platform.name}`);
    if (manifest.dependencies !== undefined) problems.push('package.json must not have dependencies');
  }
  return problems;
}
