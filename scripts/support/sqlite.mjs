// better-sqlite3: the benchmark measures it, and kimdb 7 runs on a version of its own. It has an install script that npm may
// have been told not to run.
import { join } from 'node:path';
import process from 'node:process';
import { npm, output } from './command.mjs';
import { fail, step } from './terminal.mjs';

/**
 * Compiles it in a folder where it is installed, unless it works for the packages of that folder that use it: itself,
 * kimdb-old. `advice`: lines for those who cannot.
 */
export async function compileSqlite(folder, users, ...advice) {
  const lacking = () => users.filter((user) => !works(folder, user));
  if (lacking().length === 0) return;
  step('Compiling better-sqlite3');
  await npm(['rebuild', 'better-sqlite3', '--ignore-scripts=false'], { cwd: folder });
  if (lacking().length === 0) return;
  fail(
    `better-sqlite3 could be neither downloaded nor compiled for ${lacking().join(' and ')}; the lines above say why.`,
    'Compiling it needs Python 3, make and a C++ compiler.',
    ...advice,
  );
}

function works(folder, user) {
  const script = "new (require('better-sqlite3'))(':memory:').close()";
  const cwd = join(folder, 'node_modules', user);
  return output(process.execPath, ['-e', script], { cwd }) !== undefined;
}
