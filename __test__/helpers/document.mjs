// The code blocks of the API document.

import { readFileSync } from 'node:fs';
import { fixturePath } from './fixtures.mjs';

/** All ```javascript blocks, in order: `{ heading, code }` with the nearest heading above each. */
export function documentBlocks() {
  const blocks = [];
  let heading = '';
  let code;
  for (const line of readFileSync(fixturePath('HYPERSCALE_API.ko.md'), 'utf8').split('\n')) {
    if (code === undefined && line.startsWith('#')) heading = line.replace(/^#+ /, '');
    else if (line === '```javascript') code = [];
    else if (line === '```' && code !== undefined) {
      blocks.push({ heading, code: code.join('\n') });
      code = undefined;
    } else code?.push(line);
  }
  return blocks;
}
