// The packages with the compiled engine, one for each system in lib/platforms.js, as they lie in npm/ and as they are built.
import { join } from 'node:path';
import process from 'node:process';
import platforms from '../../lib/platforms.js';
import { root } from './command.mjs';

export const { PLATFORMS, OLDEST_GLIBC, packageOf } = platforms;

export const folderOf = ({ name }) => join(root, 'npm', name);
export const binaryOf = ({ name }) => `kimdb.${name}.node`;

/** The system of this machine; `undefined` where there is no package for it. */
export function thisPlatform() {
  const { glibcVersionRuntime } = process.report.getReport().header;
  return PLATFORMS.find(
    ({ os, cpu, libc }) =>
      os === process.platform &&
      cpu === process.arch &&
      (libc === undefined || (libc === 'glibc') === (glibcVersionRuntime !== undefined)),
  );
}
