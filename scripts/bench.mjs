// npm run bench: prepares a fresh clone and benchmark/, then runs benchmark/seed.mjs.
// Arguments go to it: npm run bench -- --rounds 3 --count 100000 --drivers kimdb,lmdb
import { join } from 'node:path';
import process from 'node:process';
import { buildAddon } from './support/addon.mjs';
import { npm, output, root, run } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { fail, step } from './support/terminal.mjs';

const folder = join(root, 'benchmark');

requireTools();
await installDependencies();
await buildAddon();
await installDependencies(folder);
if (usesOldKimdb(process.argv.slice(2))) await compileSqlite();
step('Running benchmark/seed.mjs');
process.exitCode = await run(process.execPath, [join(folder, 'seed.mjs'), ...process.argv.slice(2)]);

function usesOldKimdb(args) {
  const text = args.join(' ');
  return !text.includes('--drivers') || text.includes('kimdb-old');
}

/** kimdb 7 needs better-sqlite3, whose install script npm may have been told not to run. */
async function compileSqlite() {
  if (sqliteWorks()) return;
  step('Compiling better-sqlite3, which kimdb 7 runs on');
  await npm(['rebuild', 'better-sqlite3', '--ignore-scripts=false'], { cwd: folder });
  if (sqliteWorks()) return;
  fail(
    'better-sqlite3 could be neither downloaded nor compiled; the lines above say why.',
    'Compiling it needs Python 3, make and a C++ compiler.',
    'Without it: npm run bench -- --drivers kimdb,lmdb',
  );
}

function sqliteWorks() {
  const script = "new (require('better-sqlite3'))(':memory:').close()";
  return output(process.execPath, ['-e', script], { cwd: folder }) !== undefined;
}
