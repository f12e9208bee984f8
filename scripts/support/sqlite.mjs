// better-sqlite3, a peer of its own and what kimdb 7 runs on, in a version of its own. It has an install script that npm may have been
// told not to run.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { npm, output } from './command.mjs';
import { fail, step } from './terminal.mjs';

/** Compiles it in a folder where it is installed, unless it works. `advice`: lines for those who cannot. */
export async function compileSqlite(folder, ...advice) {
  if (works(folder)) return;
  step('Compiling better-sqlite3');
  await npm(['rebuild', 'better-sqlite3', '--ignore-scripts=false'], { cwd: folder });
  if (works(folder)) return;
  fail(
    'better-sqlite3 could be neither downloaded nor compiled; the lines above say why.',
    'Compiling it needs Python 3, make and a C++ compiler.',
    ...advice,
  );
}

function works(folder) {
  const users = [folder, join(folder, 'node_modules', 'kimdb-old')].filter((user) => existsSync(user));
  const script = "new (require('better-sqlite3'))(':memory:').close()";
  return users.every((user) => output(process.execPath, ['-e', script], { cwd: user }) !== undefined);
}
