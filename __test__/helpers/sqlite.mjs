// SQLite's own tool, for what the pages show; it is not on every machine.

import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { useFolder } from './database.mjs';

const works = (command, ...args) => spawnSync(command, args).status === 0;

/** Python can do the little that we ask of the tool: run one statement and print its rows. */
const STAND_IN = `#!/usr/bin/env python3
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1], isolation_level=None).execute(sys.argv[2]):
    print(*row, sep='|')
`;

/** An environment in which `sqlite3 <file> <statement>` works, or undefined where nothing can do that. */
export function useSqliteTool(t) {
  if (works('sqlite3', '--version')) return process.env;
  if (works('python3', '-c', 'import sqlite3')) {
    const folder = useFolder(t);
    writeFileSync(join(folder, 'sqlite3'), STAND_IN);
    chmodSync(join(folder, 'sqlite3'), 0o755);
    return { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  }
  t.log('not tested: this machine has neither sqlite3 nor python3');
  return undefined;
}
