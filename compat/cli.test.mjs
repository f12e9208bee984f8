// The command line on folders that kimdb 7 left.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseLines, runCli } from '../__test__/helpers/cli.mjs';
import { filesIn } from '../__test__/helpers/database.mjs';
import { useFixture } from './helpers/fixtures.mjs';

/** What `dump` has of each document of a fixture. */
const dumped = ({ documents }) =>
  documents.map(([collection, id, data, _version]) => ({ collection, id, data, _version }));

const byKey = (a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

for (const name of ['four-shards', 'torn', 'one-file']) {
  test(`recover, verify, reshard and dump: ${name}`, async (t) => {
    const { options, expected } = useFixture(t, name);
    const run = async (...args) => {
      const paths = ['--db', options.dbPath, '--wal', options.walPath];
      const { code, stdout, stderr } = await runCli(t, [...paths, '--json', ...args]);
      t.is(code, 0, stderr);
      return parseLines(stdout);
    };
    const [recovered] = await run('recover');
    t.is(recovered.recoveredWrites, expected.lines);
    for (const to of ['8', '3', '8']) {
      await run('reshard', '--to', to);
      const [verified] = await run('verify');
      t.like(verified, { result: 'intact', shards: Number(to), documents: expected.documents.length });
    }
    const found = (await run('dump')).map(({ collection, id, data, _version }) => ({
      // A collection that no program has used since goes by the name of its table.
      collection: collection === 'userposts' ? 'user-posts' : collection,
      id,
      data,
      _version,
    }));
    t.deepEqual(found.sort(byKey), dumped(expected).sort(byKey));
  });
}

for (const name of ['four-shards', 'killed', 'number-ids', 'stripped', 'torn', 'unstorable']) {
  test(`before the first opening verify finds no damage, and changes nothing: ${name}`, verifiesAsItIs, name);
}

async function verifiesAsItIs(t, name) {
  const { folder, options, expected } = useFixture(t, name);
  const before = filesIn(folder).map((name) => [name, readFileSync(join(folder, name), 'hex')]);
  const paths = ['--db', options.dbPath, '--wal', options.walPath];
  const { code, stdout, stderr } = await runCli(t, [...paths, 'verify', '--json']);
  t.is(code, 0, stdout + stderr);
  t.like(JSON.parse(stdout), { result: 'intact', shards: options.shardCount });
  const waiting = JSON.parse(stdout).logs.reduce((sum, { unflushed }) => sum + unflushed, 0);
  t.is(waiting, expected.lines);
  const after = filesIn(folder).map((name) => [name, readFileSync(join(folder, name), 'hex')]);
  t.deepEqual(after, before);
}

test('no command passes over writes of kimdb 7 whose log was not named', async (t) => {
  const { folder, options } = useFixture(t, 'torn');
  const before = filesIn(folder);
  for (const args of [
    ['recover'],
    ['verify'],
    ['ls'],
    ['set', 'users', 'u1', '1'],
    ['reshard', '--to', '4'],
  ]) {
    const { code, stdout, stderr } = await runCli(t, ['--db', options.dbPath, ...args]);
    t.deepEqual([code, stdout], [2, ''], args[0]);
    t.true(stderr.includes(`kimdb 7 left writes in '${options.walPath}'`), stderr);
    t.true(stderr.includes('--wal'), stderr);
  }
  t.deepEqual(filesIn(folder), before);
});

test('a log that kimdb 7 left empty is in no way', async (t) => {
  const { options, expected } = useFixture(t, 'default');
  const { code, stdout, stderr } = await runCli(t, ['--db', options.dbPath, 'stats', '--json']);
  t.is(code, 0, stderr);
  t.is(JSON.parse(stdout).documents, expected.documents.length);
});

test('verify says why it cannot look at what was one file', async (t) => {
  const { folder, options } = useFixture(t, 'one-file');
  const before = filesIn(folder);
  const paths = ['--db', options.dbPath, '--wal', options.walPath];
  const { code, stdout, stderr } = await runCli(t, [...paths, 'verify']);
  t.deepEqual([code, stdout], [2, '']);
  t.regex(stderr, /kimdb 7 named in its own way.*kimdb recover/);
  t.deepEqual(filesIn(folder), before);
});
