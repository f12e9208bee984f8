// Looks at the tarballs before anybody installs them.

import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { root } from '../scripts/support/command.mjs';
import { OLDEST_GLIBC } from '../scripts/support/platforms.mjs';
import { checkContent } from './guard/content.mjs';
import { checkEngine, isTooNew } from './guard/engine.mjs';
import { checkWithAttw, checkWithPublint } from './guard/lint.mjs';
import { readTarball } from './guard/tarball.mjs';

const MEGABYTE = 2 ** 20;
/** Bytes that a package takes unpacked, at most. Who has a reason for more raises it here. */
const MOST = { main: MEGABYTE, engine: 6 * MEGABYTE };

/**
 * @param {{ name: string, file: string, platform?: object, engines?: object[] }[]} tarballs as `pack` gives them
 * @param {boolean} release whether the engines have to run with the oldest glibc
 * @returns {Promise<{ lines: string[], problems: string[] }>} what there is, and what is wrong
 */
export async function guard(tarballs, release) {
  const lines = [];
  const problems = [];
  for (const tarball of tarballs) {
    const content = await readTarball(tarball.file);
    const engine = tarball.platform && lookAtEngine(tarball, content, release);
    const found = [
      ...checkContent(tarball, content),
      ...checkSize(tarball, content),
      ...(await checkWithPublint(tarball.file)),
      ...(engine ? engine.problems : checkWithAttw(tarball.file)),
    ];
    problems.push(...found.map((what) => `${tarball.name}: ${what}`));
    const size = `${inKilobytes(content.packed)} packed, ${inKilobytes(content.unpacked)} unpacked`;
    lines.push(
      `${tarball.name}: ${content.entries.size} files, ${size}${engine?.glibc ? `, needs glibc ${engine.glibc}` : ''}`,
    );
  }
  return { lines, problems };
}

function lookAtEngine({ file, platform }, { entries }, release) {
  const [path, entry] = [...entries].find(([name]) => name.endsWith('.node')) ?? [];
  if (entry === undefined) return { problems: [] };
  const unpacked = `${file}.node`;
  writeFileSync(unpacked, entry.content);
  const { problems, glibc } = checkEngine(platform, unpacked, entry.content);
  if (release && glibc !== undefined && isTooNew(glibc))
    problems.push(`needs glibc ${glibc}, newer than ${OLDEST_GLIBC}`);
  const named = release ? [homedir(), root].filter((folder) => entry.content.includes(folder)) : [];
  problems.push(...named.map((folder) => `names the folder ${folder} of the machine that built it`));
  return { problems: problems.map((what) => `${path} ${what}`), glibc };
}

function checkSize({ platform }, { unpacked }) {
  const most = platform === undefined ? MOST.main : MOST.engine;
  return unpacked <= most ? [] : [`takes ${inKilobytes(unpacked)}, more than ${inKilobytes(most)}`];
}

const inKilobytes = (bytes) => `${Math.round(bytes / 1024).toLocaleString('en')} KB`;
