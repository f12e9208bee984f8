// What the command line looks like on a terminal: colours, tables, progress.

import { createRequire } from 'node:module';
import test from 'ava';
import { sleep } from './helpers/database.mjs';

const require = createRequire(import.meta.url);
const { bytes, countOf, paint, table, widthOf } = require('../lib/cli/terminal.js');
const { Progress } = require('../lib/cli/progress.js');

const terminal = (columns = 80) => ({
  isTTY: true,
  columns,
  written: '',
  write(text) {
    this.written += text;
  },
});

test('colours are for terminals, and not where NO_COLOR is set', (t) => {
  const red = (stream, environment) => paint(stream, environment).red('x');
  t.is(red({ isTTY: true }, {}), '\u001b[31mx\u001b[0m');
  t.is(red({ isTTY: true }, { NO_COLOR: '' }), '\u001b[31mx\u001b[0m');
  t.is(red({ isTTY: true }, { NO_COLOR: '1' }), 'x');
  t.is(red({ isTTY: true }, { TERM: 'dumb' }), 'x');
  t.is(red({ isTTY: false }, {}), 'x');
});

test('columns are aligned whatever the script', (t) => {
  t.deepEqual(['abc', '한글', 'か', '😀', 'e\u0301'].map(widthOf), [3, 4, 2, 2, 1]);
  const rows = [
    ['name', 'count'],
    ['한글', 1234],
    ['abcdef', 5],
  ];
  t.is(table(rows, {}), 'name    count\n한글    1,234\nabcdef      5');
});

test('figures are told as people read them', (t) => {
  t.deepEqual([1, 1023, 1024, 1536 * 1024, 2 ** 40 * 2000].map(bytes), [
    '1 byte',
    '1,023 bytes',
    '1.0 KiB',
    '1.5 MiB',
    '2000.0 TiB',
  ]);
  t.deepEqual(
    [0, 1, 1000].map((n) => countOf(n, 'document')),
    ['0 documents', '1 document', '1,000 documents'],
  );
});

test('progress is one line, written over, and gone at the end', async (t) => {
  const stream = terminal();
  const progress = new Progress(stream, 'loading', 200);
  progress.update(50);
  progress.update(51);
  await sleep(120);
  progress.update(400, 'all');
  progress.end();
  const lines = stream.written.split('\r\u001b[K');
  t.is(lines.length, 4, 'not more often than people read');
  t.regex(lines[1], /^\S*█+\S*░+ +25 % {2}loading {2}50$/);
  t.regex(lines[2], /100 % {2}loading {2}all$/);
  t.is(lines[3], '');
});

test('progress fits the terminal, and is for terminals only', (t) => {
  const narrow = terminal(20);
  new Progress(narrow, 'a label longer than the line', 0).update(1);
  t.true(narrow.written.replace('\r\u001b[K', '').length < 20);
  const unknown = terminal(0);
  new Progress(unknown, 'loading', 0).update(1);
  t.true(unknown.written.endsWith('loading  1'));
  const others = [{ ...terminal(), isTTY: false }, terminal()];
  const progresses = [new Progress(others[0], 'x', 1), new Progress(others[1], 'x', 1, false)];
  for (const progress of progresses) {
    progress.update(1);
    progress.end();
  }
  t.deepEqual(
    others.map((stream) => stream.written),
    ['', ''],
  );
});
