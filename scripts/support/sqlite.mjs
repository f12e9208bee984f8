// better-sqlite3, on which kimdb 7 runs. It has an install script that npm may have been told not to run.
import process from 'node:process';
import { npm, output } from './command.mjs';
import { fail, step } from './terminal.mjs';

/** Compiles it in a folder where it is installed, unless it works. `advice`: lines for those who cannot. */
export async function compileSqlite(folder, ...advice) {
  if (works(folder)) return;
  step('Compiling better-sqlite3, which kimdb 7 runs on');
  await npm(['rebuild', 'better-sqlite3', '--ignore-scripts=false'], { cwd: folder });
  if (works(folder)) return;
  fail(
    'better-sqlite3 could be neither downloaded nor compiled; the lines above say why.',
    'Compiling it needs Python 3, make and a C++ compiler.',
    ...advice,
  );
}

function works(folder) {
  const script = "new (require('better-sqlite3'))(':memory:').close()";
  return output(process.execPath, ['-e', script], { cwd: folder }) !== undefined;
}
