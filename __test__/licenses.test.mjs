// How `npm run check` reads license expressions.

import test from 'ava';
import { isAllowed } from '../scripts/support/licenses.mjs';

const allowed = new Set(['MIT', 'ISC', 'Apache-2.0 WITH LLVM-exception']);

for (const [expression, expected] of [
  ['MIT', true],
  ['GPL-3.0-only', false],
  ['GPL-3.0-only OR MIT', true],
  ['MIT/GPL-3.0-only', true],
  ['MIT AND ISC', true],
  ['MIT AND GPL-3.0-only', false],
  ['GPL-3.0-only OR MIT AND ISC', true],
  ['(MIT OR GPL-3.0-only) AND Zlib', false],
  ['(MIT OR Zlib) AND (GPL-3.0-only OR ISC)', true],
  ['Apache-2.0 WITH LLVM-exception', true],
  ['Apache-2.0', false],
  ['MIT WITH Classpath-exception-2.0', false],
  ['MIT)', false],
  ['(MIT', false],
  ['MIT ISC', false],
  ['SEE LICENSE IN license.txt', false],
  ['', false],
  [undefined, false],
]) {
  test(`${JSON.stringify(expression)} is ${expected ? 'allowed' : 'refused'}`, (t) => {
    t.is(isAllowed(expression, allowed), expected);
  });
}
