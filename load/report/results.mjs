// Results as a file.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from '../../scripts/support/terminal.mjs';

/** Where the results of a full run are, which are committed and shown in the documentation. */
export const COMMITTED = fileURLToPath(new URL('../results', import.meta.url));
const NAME = 'results.json';

export function writeResults(report, folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, NAME), `${JSON.stringify(report, rounded)}\n`);
}

/** No clock is better than four digits here, and there are thousands of samples. */
function rounded(_key, value) {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}

export function readResults(folder = COMMITTED) {
  const file = join(folder, NAME);
  if (!existsSync(file)) fail(`${file} is not there. npm run load, without arguments, makes it.`);
  return JSON.parse(readFileSync(file, 'utf8'));
}
