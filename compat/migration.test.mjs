// docs/migration.md: its headings are the rules of the differential test, and its steps, followed to the letter, work.

import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { linkPackage, startCommand } from '../__test__/helpers/child.mjs';
import { EXECUTABLE } from '../__test__/helpers/cli.mjs';
import { openSimple } from '../__test__/helpers/database.mjs';
import { rules } from './differential/rules.mjs';
import { checkDocuments, useFixture } from './helpers/fixtures.mjs';
import { runOld } from './helpers/old-process.mjs';

const guides = {
  'migration.md': {
    heading: 'heading',
    differs: 'What differs',
    move: 'How to move',
    back: 'How to go back',
  },
  'migration.ko.md': {
    heading: 'korean',
    differs: '달라진 점',
    move: '옮기는 방법',
    back: '되돌아가는 방법',
  },
};

const read = (name) => readFileSync(fileURLToPath(new URL(`../docs/${name}`, import.meta.url)), 'utf8');

/** The text below a heading, up to the next one of its kind. */
function section(text, title) {
  const [, rest] = text.split(`\n## ${title}\n`);
  return rest.split('\n## ')[0];
}

/** `{ language, code }` of each code block, without the indentation of the list that it is in. */
const blocks = (text) =>
  [...text.matchAll(/^( *)```(\w+)\n([\s\S]*?)^\1```$/gm)].map(([, indent, language, code]) => ({
    language,
    code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));

const oneLine = (text) => text.replaceAll(/\s+/g, ' ');

for (const [name, guide] of Object.entries(guides)) {
  test(`${name}: a heading for each rule and a rule for each heading`, (t) => {
    const headings = [...section(read(name), guide.differs).matchAll(/^### (.+)$/gm)].map(
      ([, title]) => title,
    );
    t.deepEqual(headings.toSorted(), rules.map((rule) => rule[guide.heading]).toSorted());
  });

  test(`${name}: followed to the letter`, async (t) => {
    const { folder, expected } = useFixture(t, 'default');
    const text = read(name);
    install(folder);
    const outputs = [];
    const follow = async (title) => {
      for (const { language, code } of blocks(section(text, title))) {
        t.is(language, 'sh');
        outputs.push(await sh(t, folder, code));
      }
    };

    await follow(guide.move);
    t.true(existsSync(join(folder, 'data.kimdb7', 'hyperscale_shard7.db')));
    const [, looks, resharded] = outputs;
    t.regex(looks, /^8 shards, 150 documents\n(log .*\n)?No damage found\.\nNothing was left to recover\.\n/);
    t.regex(looks, /\norders +30\nusers +120$/);
    t.is(resharded, 'The database has 8 shards already.');
    const paths = { dbPath: join(folder, 'data/hyperscale.db'), walPath: join(folder, 'data/buffer.wal') };
    const db = openSimple(t, paths);
    await checkDocuments(t, db, expected);
    await db.set('users', 'u0', 'written by kimdb 8');
    await db.delete('users', 'u1');
    db.close();

    await follow(guide.back);
    t.false(existsSync(paths.walPath));
    const steps = ['u0', 'u1', 'u2'].map((id) => ['get', 'users', id]);
    const { code, results, stderr } = await runOld(folder, { options: {}, steps });
    t.is(code, 0, stderr);
    t.deepEqual(results[0], { id: 'u0', data: 'written by kimdb 8', _version: 2 });
    t.is(results[1], null);
    t.is(results[2].id, 'u2');
    t.deepEqual((await openSimple(t, paths).getAll('users', 1000)).length, 119);
  });
}

test('migration.md says of each rule what its sentence says', (t) => {
  const text = section(read('migration.md'), guides['migration.md'].differs);
  for (const { heading, sentence } of rules) {
    const [, rest] = text.split(`\n### ${heading}\n`);
    t.true(oneLine(rest.split('\n### ')[0]).includes(sentence), sentence);
  }
});

test('both guides have the same programs', (t) => {
  const [english, korean] = Object.keys(guides).map((name) => blocks(read(name)));
  t.deepEqual(korean, english);
  t.true(english.length > 0, 'there are some');
});

/** As npm does it, in a folder. */
function install(folder) {
  linkPackage(folder);
  mkdirSync(join(folder, 'node_modules', '.bin'));
  symlinkSync(EXECUTABLE, join(folder, 'node_modules', '.bin', 'kimdb'));
}

/** What a person sees of the commands: data and messages. */
async function sh(t, cwd, script) {
  const env = { ...process.env, NO_COLOR: '1' };
  const { code, stdout } = await startCommand(t, 'sh', ['-e', '-c', `exec 2>&1\n${script}`], { cwd, env })
    .ended;
  t.is(code, 0, stdout);
  return stdout;
}
