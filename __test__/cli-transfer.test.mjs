// The command line: whole collections out of one database and into another.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { startProgram } from './helpers/child.mjs';
import { contentOf, GOOD_LINE, parseLines, runCli, runShell, startCli } from './helpers/cli.mjs';
import { manualFlush, openSimple, pathsIn, sleep, until, useFolder } from './helpers/database.mjs';
import { copyFixtures } from './helpers/fixtures.mjs';

const COUNT = 100_000;

test('a dump has everything that a document has, one a line', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = openSimple(t, paths);
  const data = { text: 'two\nlines\u2028"', list: [1, 2.5, -1e300, null, true], 한국어: '데이터' };
  await db.set('글 목록', '첫 글', 'old');
  await db.set('글 목록', '첫 글', data);
  db.close();
  const dumped = await runCli(t, ['--db', paths.dbPath, 'dump']);
  t.deepEqual([dumped.code, dumped.stderr], [0, 'Dumped 1 document of 1 collection.\n']);
  const [{ created_at, updated_at, ...rest }] = parseLines(dumped.stdout);
  t.deepEqual(rest, { collection: '글 목록', id: '첫 글', data, _version: 2 });
  for (const time of [created_at, updated_at]) t.regex(time, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  const quiet = await runCli(t, ['--db', paths.dbPath, '--json', '--quiet', 'dump']);
  t.deepEqual([quiet.stdout, quiet.stderr], [dumped.stdout, '']);
});

test('a hundred thousand documents go through a pipe into another database', async (t) => {
  const folder = useFolder(t);
  const db = openSimple(t, pathsIn(folder, 'from'));
  const entries = (from, to) =>
    Array.from({ length: to - from }, (_, i) => [`문서 ${from + i}`, { n: from + i }]);
  for (let from = 0; from < COUNT; from += 10_000) {
    await db.setMany(from % 20_000 === 0 ? '회원' : 'posts/한국어', entries(from, from + 10_000));
  }
  // Larger than a page of dump, than a batch of load and than the record that the log takes at once.
  const large = 'ㄱ'.repeat(8 * 1024 * 1024);
  await db.set('large', 'one', { large });
  db.close();
  const { code, stdout, stderr } = await runShell(
    t,
    'kimdb --db from.db dump | kimdb --db to.db load --json',
    {
      cwd: folder,
    },
  );
  t.is(code, 0, stderr);
  t.deepEqual(JSON.parse(stdout), { loaded: COUNT + 1, invalid: 0, complete: true });
  const [from, to] = await Promise.all(
    ['from', 'to'].map((name) => contentOf(t, join(folder, `${name}.db`))),
  );
  t.is(to.size, COUNT + 1);
  // AVA's own comparison takes minutes for so many.
  t.true(isDeepStrictEqual(to, from));
  t.deepEqual(to.get('["회원","문서 99999"]') ?? to.get('["posts/한국어","문서 99999"]'), { n: 99_999 });
  t.is(to.get('["large","one"]').large.length, large.length);
  const verified = await runCli(t, ['--db', join(folder, 'to.db'), 'verify', '--json']);
  t.like(JSON.parse(verified.stdout), { result: 'intact', documents: COUNT + 1 });
});

test('a dump can be of some collections only', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = openSimple(t, paths);
  for (const name of ['a', 'b', 'c']) await db.set(name, 'id', name);
  db.close();
  const some = await runCli(t, ['--db', paths.dbPath, 'dump', 'c', 'a', 'c']);
  t.deepEqual(
    parseLines(some.stdout).map(({ collection }) => collection),
    ['c', 'a'],
  );
  const none = await runCli(t, ['--db', paths.dbPath, 'dump', 'd']);
  t.deepEqual([none.code, none.stdout], [2, '']);
  t.is(none.stderr, "kimdb: There is no collection 'd'; there are 'a', 'b', 'c'.\n");
});

test('a dump says which collections go by the names of their tables', async (t) => {
  const folder = useFolder(t);
  copyFixtures(folder, Object.fromEntries([0, 1].map((i) => [`old_shard${i}.db`, `old_shard${i}.db`])));
  for (const i of [2, 3, 4, 5, 6, 7]) await writeFile(join(folder, `old_shard${i}.db`), '');
  const cli = ['--db', join(folder, 'old.db')];
  const { code, stdout, stderr } = await runCli(t, [...cli, 'dump']);
  const names = [...new Set(parseLines(stdout).map(({ collection }) => collection))].sort();
  t.is(code, 0);
  t.true(names.length > 0);
  const listed = names.map((name) => `'${name}'`).join(', ');
  t.true(stderr.includes(`kept no names but those of the tables: ${listed}.`), stderr);
  // From now on it is that collection's.
  await runCli(t, [...cli, 'set', names[0], 'new', '1']);
  const again = await runCli(t, [...cli, 'dump', names[0]]);
  t.regex(again.stderr, /^Dumped \d+ documents? of 1 collection\.\n$/);
});

test('a folder is no input', async (t) => {
  const folder = useFolder(t);
  mkdirSync(join(folder, 'backup'));
  const { code, stderr } = await runShell(t, 'kimdb --db app.db load < backup', { cwd: folder });
  t.deepEqual([code, stderr], [2, 'kimdb: Could not read the standard input: it is a folder.\n']);
  t.false(existsSync(join(folder, 'app_shard0.db')));
});

test('a dump recovers what a killed process left', async (t) => {
  const paths = pathsIn(useFolder(t));
  const holder = startProgram(t, 'hold.mjs', paths);
  t.is(await holder.nextLine(), 'open');
  holder.kill();
  await holder.ended;
  const { stdout, stderr } = await runCli(t, ['--db', paths.dbPath, 'dump']);
  t.is(parseLines(stdout)[0].id, 'held');
  t.regex(stderr, /^\[kimdb\] Recovered 1 writes$/m);
});

test('a dump whose reader goes away ends quietly', async (t) => {
  const folder = useFolder(t);
  const db = openSimple(t, pathsIn(folder));
  await db.setMany(
    'large',
    Array.from({ length: 100 }, (_, i) => [`id${i}`, 'x'.repeat(100_000)]),
  );
  db.close();
  const { code, stdout, stderr } = await runShell(t, 'kimdb --db test.db dump | head -n 1 | cut -c1-23', {
    cwd: folder,
  });
  t.deepEqual([code, stdout, stderr], [0, '{"collection":"large","\n', '']);
  t.like(
    await runCli(t, ['--db', join(folder, 'test.db'), 'recover']),
    { code: 0 },
    'and closes the database',
  );
});

(process.platform === 'linux' ? test : test.skip)('a dump onto a full disk is an error', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = openSimple(t, paths);
  await db.set('users', 'u1', 1);
  db.close();
  const { code, stderr } = await runShell(t, `kimdb --db '${paths.dbPath}' dump > /dev/full`, { cwd: '/' });
  t.is(code, 2);
  t.regex(stderr, /^kimdb: ENOSPC/m);
});

/** Kilobytes of data that a program has which does nothing: newer versions of V8 set aside half a gigabyte of addresses. */
function ownMemory(env) {
  if (process.platform !== 'linux') return 0;
  const script = "process.stdout.write(require('node:fs').readFileSync('/proc/self/status', 'latin1'))";
  const status = execFileSync(process.execPath, ['-e', script], {
    env: { ...process.env, ...env },
    encoding: 'latin1',
  });
  return Number(/^VmData:\s*(\d+) kB$/m.exec(status)[1]);
}

test('memory does not grow with what is dumped and loaded', async (t) => {
  const folder = useFolder(t);
  const line = (i) => `${JSON.stringify({ collection: 'c', id: `id${i}`, data: 'x'.repeat(2000) })}\n`;
  const file = await open(join(folder, 'many.ndjson'), 'w');
  for (let i = 0; i < 100_000; i += 1000) {
    await file.write(Array.from({ length: 1000 }, (_, j) => line(i + j)).join(''));
  }
  await file.close();
  // 200 MB of lines. What JavaScript holds of them is limited to a part of that; so are the buffers outside of its heap.
  const env = { NODE_OPTIONS: '--max-old-space-size=64', MALLOC_ARENA_MAX: '2' };
  const limit = `ulimit -d ${650_000 + ownMemory(env)}; kimdb`;
  const loaded = await runShell(t, `${limit} --db a.db load many.ndjson`, { cwd: folder, env });
  t.is(loaded.code, 0, loaded.stderr);
  const dumped = await runShell(t, `${limit} --db a.db dump | wc -l`, { cwd: folder, env });
  t.deepEqual([dumped.code, dumped.stdout.trim()], [0, '100000'], dumped.stderr);
});

test('load takes lines in whatever pieces they come', async (t) => {
  const folder = useFolder(t);
  const text =
    '\ufeff{"collection":"글","id":"ㄱ","data":"한국어"}\r\n\n  \n{"collection":"글","id":7,"data":null}\n' +
    '{"collection":"글","data":1}\n{"collection":"글","id":"last","data":{},"_version":9,"created_at":null,"updated_at":"x"}';
  const { child, ended } = startCli(t, ['--db', 'app.db', 'load'], { cwd: folder });
  for (const byte of Buffer.from(text)) child.stdin.write(Buffer.from([byte]));
  child.stdin.end();
  const { code, stdout, stderr } = await ended;
  t.deepEqual([code, stdout, stderr], [0, '', "Made the database 'app.db'.\nLoaded 4 documents.\n"]);
  const content = await contentOf(t, join(folder, 'app.db'));
  const given = [
    ['["글","7"]', null],
    ['["글","last"]', {}],
    ['["글","ㄱ"]', '한국어'],
  ];
  t.deepEqual([...content].filter(([, data]) => data !== 1).sort(), given);
  const [made] = [...content].find(([, data]) => data === 1);
  t.regex(JSON.parse(made)[1], /^[0-9a-f-]{36}$/);
});

test('a load that stops says so by its exit code, also where nobody reads what it prints', async (t) => {
  const folder = useFolder(t);
  await writeFile(join(folder, 'bad.ndjson'), `${GOOD_LINE}\n{]\n`);
  const { code, stderr } = await runShell(t, 'kimdb --db app.db --json load bad.ndjson | true', {
    cwd: folder,
  });
  t.is(code, 1);
  t.regex(stderr, /Stopped there: 1 document loaded/);
});

test('writes of one key take effect in the order of their lines, whatever the batch', async (t) => {
  const folder = useFolder(t);
  const lines = Array.from({ length: 100 }, (_, i) => {
    return JSON.stringify({ collection: `c${i % 3}`, id: `id${i % 5}`, data: i });
  });
  for (const batch of ['1', '7', '100000']) {
    const dbPath = join(folder, `${batch}.db`);
    const loaded = await runCli(t, ['--db', dbPath, 'load', '--batch', batch], { input: lines.join('\n') });
    t.is(loaded.code, 0, loaded.stderr);
    const wanted = new Map(
      lines.map(JSON.parse).map(({ collection, id, data }) => [JSON.stringify([collection, id]), data]),
    );
    t.deepEqual(new Map([...(await contentOf(t, dbPath))].sort()), new Map([...wanted].sort()));
  }
});

test('load waits for the log when that is full', async (t) => {
  const folder = useFolder(t);
  const options = { ...pathsIn(folder), walSize: 1024 * 1024 };
  openSimple(t, options).close();
  const line = (i) => `${JSON.stringify({ collection: 'c', id: `id${i}`, data: 'x'.repeat(10_000) })}\n`;
  const input = Array.from({ length: 1000 }, (_, i) => line(i)).join('');
  const { code, stderr } = await runCli(t, ['--db', options.dbPath, 'load'], { input });
  t.is(code, 0, stderr);
  t.is((await contentOf(t, options.dbPath)).size, 1000);
});

/** Whether a write has reached the log, which begins with it as long as it is on its first lap. */
async function isLogged(path, id) {
  if (!existsSync(path)) return false;
  const file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1 << 20), 0, 1 << 20, 0);
  await file.close();
  return buffer.subarray(0, bytesRead).includes(id);
}

/** Starts a load whose input goes on for ever, or pauses, and interrupts it when a thousand documents are logged. */
async function interruptLoad(t, signal, goesOn) {
  const folder = useFolder(t);
  const { child, ended } = startCli(t, ['--db', 'app.db', 'load', '--json', '--batch', '10'], {
    cwd: folder,
  });
  const line = (i) => `${JSON.stringify({ collection: 'c', id: `id${i}`, data: i })}\n`;
  let isOver = false;
  child.stdin.on('error', (error) => {
    isOver = true;
    t.is(error.code, 'EPIPE');
  });
  let written = 0;
  const writeMore = async () => {
    const lines = Array.from({ length: 1000 }, (_, i) => line(written + i)).join('');
    written += 1000;
    if (!child.stdin.write(lines)) await Promise.race([once(child.stdin, 'drain'), ended]);
  };
  await writeMore();
  while (!(await isLogged(join(folder, 'app.wal'), 'id999'))) await sleep(5);
  child.kill(signal);
  while (goesOn && !isOver && child.exitCode === null) await writeMore().catch(() => {});
  const result = await ended;
  const { loaded, complete } = JSON.parse(result.stdout);
  t.false(complete);
  t.regex(result.stderr, /^kimdb: Interrupted: [\d,]+ documents loaded and kept, and that is not all\.$/m);
  const ids = [...(await contentOf(t, join(folder, 'app.db'))).values()].sort((a, b) => a - b);
  t.true(
    isDeepStrictEqual(
      ids,
      Array.from({ length: loaded }, (_, i) => i),
    ),
    'the first lines, without a gap',
  );
  const verified = await runCli(t, ['--db', join(folder, 'app.db'), 'verify', '--json']);
  t.like(JSON.parse(verified.stdout), { result: 'intact', documents: loaded });
  return { ...result, loaded };
}

test('SIGINT while a load waits for input keeps what was loaded and tells it', async (t) => {
  const { code, loaded } = await interruptLoad(t, 'SIGINT', false);
  t.deepEqual([code, loaded], [130, 1000]);
});

test('SIGTERM while a load is busy keeps what was loaded and tells it', async (t) => {
  const { code, loaded } = await interruptLoad(t, 'SIGTERM', true);
  t.is(code, 143);
  t.true(loaded >= 1000);
});

test('SIGINT in the middle of a dump closes the database and tells it', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = openSimple(t, { ...paths, ...manualFlush });
  await db.setMany(
    'large',
    Array.from({ length: 100 }, (_, i) => [`id${i}`, 'x'.repeat(500_000)]),
  );
  db.close();
  const { child, ended, texts } = startCli(t, ['--db', paths.dbPath, 'dump']);
  // Nobody reads: the command waits for its reader.
  child.stdout.pause();
  await until(() => child.stdout.readableLength > 0 || texts.stdout.length > 0);
  child.kill('SIGINT');
  child.stdout.resume();
  const { code, stdout, stderr } = await ended;
  t.is(code, 130, stderr);
  t.regex(stderr, /^kimdb: Interrupted: \d+ documents dumped, and that is not all\.$/m);
  t.true(stdout.endsWith('}\n'), 'only whole lines');
  t.true(parseLines(stdout).length < 100);
  t.like(await runCli(t, ['--db', paths.dbPath, 'recover']), { code: 0 });
});

test('load reads files, and the standard input where it is one', async (t) => {
  const folder = useFolder(t);
  await writeFile(join(folder, 'in.ndjson'), GOOD_LINE);
  for (const line of ['load in.ndjson', 'load - < in.ndjson', 'load < in.ndjson']) {
    const { code, stderr } = await runShell(t, `kimdb --db app.db ${line}`, { cwd: folder });
    t.is(code, 0, stderr);
    t.regex(stderr, /Loaded 1 document\.$/m);
  }
  const [{ _version }] = parseLines((await runCli(t, ['--db', join(folder, 'app.db'), 'dump'])).stdout);
  t.is(_version, 3, 'the same document three times');
  const isFolder = await runCli(t, ['--db', join(folder, 'app.db'), 'load', folder]);
  t.is(isFolder.code, 2);
  t.regex(isFolder.stderr, /it is a folder/);
});
