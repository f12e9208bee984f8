// The command line: what it says of errors, of wrong arguments and of itself.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { runCli, startCli } from './helpers/cli.mjs';
import { openSimple, pathsIn, useFolder } from './helpers/database.mjs';

/** The options for a database with a document. */
async function useDatabase(t) {
  const paths = pathsIn(useFolder(t));
  const db = openSimple(t, paths);
  await db.set('users', 'u001', { name: 'Kim' });
  db.close();
  return { db: ['--db', paths.dbPath] };
}

test('names that would steer a terminal are shown as escapes', async (t) => {
  const { db } = await useDatabase(t);
  const name = 'a\u001b[31mb\u009bc\u202ed\ne';
  await runCli(t, [...db, 'set', name, name, JSON.stringify({ [name]: name })]);
  for (const command of [['ls'], ['get', name, name], ['get', name, 'none'], ['dump', 'none']]) {
    const { stdout, stderr } = await runCli(t, [...db, ...command]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    t.notRegex(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  }
  const { stdout } = await runCli(t, [...db, 'get', name, name]);
  t.deepEqual(JSON.parse(stdout), { [name]: name });
});

test('an error or a message is one line, whatever the names', async (t) => {
  const { db } = await useDatabase(t);
  const stored = await runCli(t, [...db, 'set', 'a\nb', 'c\nd', '1']);
  t.is(stored.stderr, "Stored 'c\\nd' in 'a\\nb', version 1.\n");
  const missing = await runCli(t, [...db, 'get', 'a\nb', 'e\nf']);
  t.is(missing.stderr, "kimdb: There is no document 'e\\nf' in the collection 'a\\nb'.\n");
  const dumped = await runCli(t, [...db, 'dump', 'none']);
  t.is(dumped.stderr, "kimdb: There is no collection 'none'; there are 'a\\nb', 'users'.\n");
});

test('a database that cannot be made is not told as made', async (t) => {
  const folder = useFolder(t);
  await writeFile(join(folder, 'file'), '');
  for (const command of [['set', 'users', 'u001', '1'], ['load']]) {
    const { code, stdout, stderr } = await runCli(
      t,
      ['--db', 'app.db', '--wal', 'file/app.wal', ...command],
      {
        cwd: folder,
      },
    );
    t.deepEqual([code, stdout], [2, '']);
    t.regex(stderr, /^kimdb: .*\n$/);
  }
});

const WRONG = {
  'an unknown command': [['lss'], /unknown command 'lss'[\s\S]*did you mean.*ls/i],
  'help for an unknown command': [['help', 'nope'], /^kimdb: unknown command 'nope'\n/],
  'help for a command that is nearly one': [['help', 'dmp'], /^kimdb: unknown command 'dmp'\n.*dump/],
  'an unknown option': [['ls', '--jsn'], /unknown option '--jsn'[\s\S]*--json/i],
  'a missing argument': [['get', 'users'], /missing required argument 'id'/],
  'an argument too many': [['ls', 'users'], /too many arguments/],
  'a path that is none': [['--db', 'data/', 'ls'], /--db <path>.*It must be the path of a file/],
  'no path': [['--wal', '', 'ls'], /--wal <path>.*It must be the path of a file/],
  'no number of shards': [['reshard'], /required option '--to <shards>'/],
  'an impossible number of shards': [['reshard', '--to', '0'], /It must be an integer from 1 to 1024/],
  'an impossible batch': [['load', '--batch', '1e3'], /It must be an integer from 1 to 100000/],
  'no JSON': [['--db', 'x.db', 'set', 'users', 'u1', '{name:1}'], /^kimdb: The document is not valid JSON:/],
  'a number that is too large': [
    ['--db', 'x.db', 'set', 'users', 'u1', '1e400'],
    /^kimdb: The document is not stored: the number is larger than any of JavaScript's; store it as a text\.\n$/,
  ],
  'a number inside that is too large': [
    ['--db', 'x.db', 'set', 'users', 'u1', '{"sum":[0,-1e400]}'],
    /the number at "1" is larger than any of JavaScript's; store it as a text/,
  ],
  'no collection': [['--db', 'x.db', 'set', '', 'u1', '1'], /collection must be a non-empty string/],
  'a file that is not there': [
    ['--db', 'x.db', 'load', 'none.ndjson'],
    /^kimdb: Could not read 'none\.ndjson'/,
  ],
  'a folder': [['--db', 'x.db', 'load', '.'], /^kimdb: Could not read '\.': it is a folder\./],
};
for (const [what, [args, text]] of Object.entries(WRONG)) {
  test(`${what} is exit code 2 and a sentence`, async (t) => {
    const { code, stdout, stderr } = await runCli(t, args, { cwd: useFolder(t) });
    t.deepEqual([code, stdout], [2, '']);
    t.regex(stderr, text);
    t.notRegex(stderr, /\n\s+at /, 'no stack');
  });
}

test('help and version are data', async (t) => {
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  t.like(await runCli(t, ['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  const help = await runCli(t, ['--help']);
  t.deepEqual([help.code, help.stderr], [0, '']);
  for (const command of [
    'stats',
    'ls',
    'get',
    'set',
    'dump',
    'load',
    'verify',
    'recover',
    'reshard',
    'help',
  ]) {
    t.regex(help.stdout, new RegExp(`^  ${command} `, 'm'));
    const own = await runCli(t, ['help', command]);
    t.deepEqual([own.code, own.stderr], [0, '']);
    t.regex(own.stdout, new RegExp(`^Usage: kimdb ${command}`));
    t.regex(own.stdout, /--db <path>/);
  }
});

test('without a command it explains itself', async (t) => {
  const { code, stdout, stderr } = await runCli(t, []);
  t.deepEqual([code, stdout], [2, '']);
  t.regex(stderr, /^Usage: kimdb/);
});

test('a reader that is gone from the start is no error', async (t) => {
  const { db } = await useDatabase(t);
  const { child, ended } = startCli(t, [...db, 'ls']);
  child.stdout.destroy();
  const { code, stderr } = await ended;
  t.deepEqual([code, stderr], [0, '']);
});
