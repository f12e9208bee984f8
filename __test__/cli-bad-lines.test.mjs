// The command line: lines that are no documents, and what a load makes of them.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { Lines, readLine } from '../lib/cli/lines.js';
import { contentOf, GOOD_LINE, runCli } from './helpers/cli.mjs';
import { useFolder } from './helpers/database.mjs';

const DEEP = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;

/** Node.js 26 nests as deeply as anybody wants. */
function hasNestingLimit() {
  try {
    JSON.stringify(JSON.parse(DEEP));
    return false;
  } catch {
    return true;
  }
}

const BAD_LINES = {
  '{"collection":"c","id":"x","data":1': /it is not valid JSON/,
  '{"collection":"c","id":"x","data":{"sum":[0,-1e400]}}':
    /the number at "1" is larger than any of JavaScript's; store it as a text/,
  [`{"collection":"c","id":"x","data":${'9'.repeat(310)}}`]: /the number at "data" is larger/,
  '[1]': /it must be an object with collection, id and data, and is an array/,
  '{"id":"x","data":1}': /collection must be a non-empty string, got undefined/,
  '{"collection":"","id":"x","data":1}': /collection must be a non-empty string/,
  '{"collection":"c","id":{},"data":1}': /id must be a non-empty string or a finite number/,
  '{"collection":"c","id":"\\ud800","data":1}': /half a surrogate pair/,
  '{"collection":"c","id":"x"}': /it has no data/,
  '{"collection":"c","id":"x","data":1,"name":"Kim"}':
    /it has the field "name"; what is to be stored belongs in data/,
  ...(hasNestingLimit() && { [`{"collection":"c","id":"x","data":${DEEP}}`]: /nested too deeply/ }),
  '{"collection":"c","id":"x","data":"\u0000"}': /it is not valid JSON/,
};

for (const [i, [line, text]] of Object.entries(BAD_LINES).entries()) {
  test(`bad line ${i} is named: ${text.source}`, async (t) => {
    const folder = useFolder(t);
    const input = `${GOOD_LINE}\n\n${line}\n${GOOD_LINE.replace('good', 'after')}\n`;
    const stopped = await runCli(t, ['--db', 'app.db', 'load'], { cwd: folder, input });
    t.deepEqual([stopped.code, stopped.stdout], [1, '']);
    t.regex(stopped.stderr, new RegExp(`^kimdb: Line 3 is not a document: .*${text.source}`, 'm'));
    t.regex(stopped.stderr, /Stopped there: 1 document loaded before it/);
    t.deepEqual([...(await contentOf(t, join(folder, 'app.db'))).keys()], ['["c","good"]']);

    const passed = await runCli(t, ['--db', 'app.db', 'load', '--skip-invalid', '--json'], {
      cwd: folder,
      input,
    });
    t.is(passed.code, 1);
    t.deepEqual(JSON.parse(passed.stdout), { loaded: 2, invalid: 1, complete: true });
    t.regex(passed.stderr, /^kimdb: Line 3 is not a document/m);
    t.is((await contentOf(t, join(folder, 'app.db'))).size, 2);
  });
}

test('a line that is not UTF-8 is bad', async (t) => {
  const folder = useFolder(t);
  const file = join(folder, 'bad.ndjson');
  await writeFile(file, Buffer.concat([Buffer.from(`${GOOD_LINE}\n`), Buffer.from([0x22, 0xff, 0x22])]));
  const { code, stderr } = await runCli(t, ['--db', join(folder, 'app.db'), 'load', file]);
  t.is(code, 1);
  t.regex(stderr, /Line 2 is not a document: it is not UTF-8\./);
});

test('a line that no string can hold is bad, and is not kept', (t) => {
  const lines = new Lines(10);
  const found = [];
  for (const chunk of [
    'short\nlong',
    'er than te',
    'n\nten ',
    'bytes!\n',
    'longer than ten\n',
    'longer again ',
    'x',
  ]) {
    found.push(...lines.push(Buffer.from(chunk)));
  }
  found.push(...lines.end());
  t.deepEqual(
    found.map((line) => line?.toString()),
    ['short', undefined, 'ten bytes!', 'longer than ten', undefined],
  );
  t.throws(() => readLine(undefined), { message: 'it is too long for a JavaScript string' });
});
