// The limit of SQLite: sorted upserts into eight files from Rust, on all cores, and nothing else. See ../bare.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { COLLECTION } from '../support/documents.mjs';

export const title = 'limit: SQLite';
export const settings = `Rust, ${availableParallelism()} threads over 8 files, WAL, NORMAL, 32 rows a statement, rows made and sorted before`;

const suffix = process.platform === 'win32' ? '.exe' : '';
const program = fileURLToPath(new URL(`../../target/release/kimdb-bare${suffix}`, import.meta.url));

/** Why it cannot run here, or nothing. */
export const missing = () =>
  existsSync(program) ? undefined : 'not built; npm run bench builds it with cargo';
export const version = missing() ? 'not built' : call(['version']).sqlite;

function call(args) {
  const { status, stdout, stderr, error } = spawnSync(program, args.map(String), { encoding: 'utf8' });
  if (status !== 0) throw new Error(`kimdb-bare failed: ${stderr || error}`);
  return JSON.parse(stdout);
}

function upsert({ count }, folder, ids, documents) {
  const { milliseconds } = call([
    'upsert',
    folder,
    COLLECTION,
    count,
    ids,
    documents,
    availableParallelism(),
  ]);
  return [{ line: 'flushed', operations: count, milliseconds }];
}

export const measures = {
  seed: (options, folder) => upsert(options, folder, 'counted', 'seed'),
  docs: (options, folder) => upsert(options, folder, 'counted', 'small'),
  uuid: (options, folder) => upsert(options, folder, 'random', 'small'),
  bulk: (options, folder) => upsert(options, folder, 'counted', 'seed'),
};
