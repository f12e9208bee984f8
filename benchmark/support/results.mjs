// Results as a file.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Where the results of a full run are, which are committed and shown in the documentation. */
export const COMMITTED = fileURLToPath(new URL('../results', import.meta.url));
const NAME = 'results.json';

export function writeResults(report, folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, NAME), `${JSON.stringify(report, rounded, 1)}\n`);
}

/** No clock is better than six digits. */
function rounded(_key, value) {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

export function readResults(folder = COMMITTED) {
  const file = join(folder, NAME);
  if (!existsSync(file)) {
    console.error(`${file} is not there. npm run bench, without arguments, makes it.`);
    process.exit(1);
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}
