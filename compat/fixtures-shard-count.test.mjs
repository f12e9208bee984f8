// Data of kimdb 7 opened under another shardCount than it was made with.

import test from 'ava';
import { runProgram, startProgram } from '../__test__/helpers/child.mjs';
import { filesIn, openSimple, sleep } from '../__test__/helpers/database.mjs';
import { randomFrom } from '../__test__/helpers/random.mjs';
import { checkDocuments, opens, useFixture } from './helpers/fixtures.mjs';

const shardFilesIn = (folder) => filesIn(folder).filter((name) => /_shard\d+\.db$/.test(name));

test('without the option the count of the data is kept', async (t) => {
  const { options, expected } = useFixture(t, 'four-shards');
  const { shardCount, ...rest } = options;
  const db = openSimple(t, rest);
  t.is(shardCount, 4);
  t.is(db.stats().shardCount, 4);
  await checkDocuments(t, db, expected);
});

for (const shardCount of [1, 2, 8, 16]) {
  test(`from 4 shards to ${shardCount}`, async (t) => {
    const { db } = await opens(t, 'four-shards', { shardCount });
    t.is(db.stats().shardCount, shardCount);
    t.is(db.db.shards.size, shardCount);
  });
}

test('the default 8 written down moves the rows too, and what is in buffer.wal with them', async (t) => {
  const { folder, options, expected } = useFixture(t, 'four-shards');
  const db = openSimple(t, { ...options, shardCount: 8 });
  t.is(db.stats().recoveredWrites, expected.lines);
  await checkDocuments(t, db, expected);
  t.is(shardFilesIn(folder).length, 8);
});

for (const name of ['number-ids', 'stripped', 'page-sizes', 'killed', 'unstorable', 'torn', 'one-file']) {
  test(`everything comes along: ${name}`, async (t) => {
    await opens(t, name, { shardCount: 5 });
  });
}

test('shards with tables of other programs stay as many as they are', async (t) => {
  const { folder, options, expected } = useFixture(t, 'other-tables');
  // SQLite's own files beside these may come and go.
  const files = () => filesIn(folder).filter((name) => /\.(db|wal)$/.test(name));
  const before = files();
  const error = t.throws(() => openSimple(t, { ...options, shardCount: 5 }), { code: 'KIMDB_SHARD_COUNT' });
  t.regex(error.message, /'audit', which is not kimdb's/);
  t.deepEqual(files(), before);
  await checkDocuments(t, openSimple(t, options), expected);
});

test('from 4 shards to 8 and back, and once more', async (t) => {
  const { folder, options, expected } = useFixture(t, 'four-shards');
  for (const shardCount of [8, 4, 8, 4]) {
    const db = openSimple(t, { ...options, shardCount });
    await checkDocuments(t, db, expected);
    db.close();
    t.is(shardFilesIn(folder).length, shardCount);
  }
});

for (const name of ['four-shards', 'killed', 'number-ids', 'one-file']) {
  test(`killed by each line that the first opening prints: ${name}`, async (t) => {
    for (const killAt of [1, 2, 3, 4]) {
      const { folder, options, expected } = useFixture(t, name);
      const { signal, code, stderr } = await runProgram(t, 'move.mjs', {
        options: { ...options, shardCount: 5 },
        killAt,
      });
      // There is no such line: the program has come to its end.
      if (signal === null) t.is(code, 0, stderr);
      for (const shardCount of [8, 4]) {
        const db = openSimple(t, { ...options, shardCount });
        await checkDocuments(t, db, expected);
        db.close();
        t.is(shardFilesIn(folder).length, shardCount);
      }
    }
  });

  test(`killed at any moment on the way to 8 shards and back: ${name}`, async (t) => {
    const { folder, options, expected } = useFixture(t, name);
    const random = randomFrom(Date.now());
    for (let kills = 0; kills < 8; kills++) {
      const shardCount = kills % 2 === 0 ? 8 : 4;
      const child = startProgram(t, 'move.mjs', { options: { ...options, shardCount } });
      await child.nextLine();
      await sleep(random(40));
      child.kill();
      await child.ended;
    }
    const db = openSimple(t, { ...options, shardCount: 8 });
    await checkDocuments(t, db, expected);
    db.close();
    t.is(shardFilesIn(folder).length, 8);
  });
}
