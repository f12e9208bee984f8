// The tarballs that a user's machine gets: the packages of this repository, and commander, the only other one.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageOf, thisPlatform } from '../../scripts/support/platforms.mjs';
import { PACKED, readJson, root } from '../pack.mjs';

export const { version: VERSION } = readJson(join(root, 'package.json'));
export const ENGINE = packageOf(thisPlatform());

const tarballOf = (name) => join(PACKED, `${name}-${VERSION}.tgz`);

/** `kimdb`, the engine of this system, `commander`. */
export function findTarballs() {
  const files = [tarballOf('kimdb'), tarballOf(ENGINE)];
  const commander = readdirSync(PACKED).find((name) => /^commander-.*\.tgz$/.test(name));
  if (commander === undefined || !files.every(existsSync)) {
    throw new Error(`The packages are not in ${PACKED}; run the tests with: npm run package:test`);
  }
  return [...files, join(PACKED, commander)];
}
