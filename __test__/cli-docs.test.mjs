// The examples of docs/cli.md, run one after the other: what they print is what the page says.

import { readFileSync } from 'node:fs';
import test from 'ava';
import { runShell } from './helpers/cli.mjs';
import { useFolder } from './helpers/database.mjs';

const PAGES = ['cli.md', 'cli.ko.md'];
const BLOCK = /^```console\n(.*?)^```$/gms;

const textOf = (page) => readFileSync(new URL(`../docs/${page}`, import.meta.url), 'utf8');

/** `[{ command, output }]` of a page. */
const examplesOf = (page) =>
  [...textOf(page).matchAll(BLOCK)].flatMap(([, block]) =>
    block.split(/^\$ /m).flatMap((example) => {
      const [command, ...output] = example.split('\n');
      return command === '' ? [] : [{ command, output: output.join('\n') }];
    }),
  );

const TIME = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g;
const withoutTimes = (text) => text.replace(TIME, 'TIME');

test('the examples print what the page says', async (t) => {
  const cwd = useFolder(t);
  for (const { command, output } of examplesOf(PAGES[0])) {
    const { stdout } = await runShell(t, `exec 2>&1\nnpx() { shift; kimdb "$@"; }\n${command}`, { cwd });
    t.is(withoutTimes(stdout), withoutTimes(output), command);
  }
});

test('every command has an example', (t) => {
  const commands = examplesOf(PAGES[0]).map(({ command }) => command);
  for (const [, name] of textOf(PAGES[0]).matchAll(/^\| \[`(\w+)`\]/gm)) {
    t.true(
      commands.some((command) => new RegExp(`npx kimdb .*\\b${name}\\b`).test(command)),
      name,
    );
  }
});

test('both languages have the same examples', (t) => {
  t.deepEqual(examplesOf(PAGES[1]), examplesOf(PAGES[0]));
});
