// node scripts/third-party.mjs: whether THIRD-PARTY.txt, which goes with each compiled engine, has the licenses of everything that
// is compiled in. With --write it is made anew.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readOptions } from './support/arguments.mjs';
import { root } from './support/command.mjs';
import { makeNotices, NOTICES } from './support/notices.mjs';
import { fail, say } from './support/terminal.mjs';

const { write } = readOptions('node scripts/third-party.mjs [--write]', { write: 'boolean' });
const file = join(root, NOTICES);
const text = makeNotices();
if (write) {
  writeFileSync(file, text);
} else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  fail(`${NOTICES} does not fit what is compiled in.`, 'Mend it with: node scripts/third-party.mjs --write');
}
say(`${NOTICES}: the licenses of everything that is compiled into the engine`);
