// A short run of everything, and that the client notices what it is there to notice. No figure is looked at.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { fillPage } from './report/page.mjs';
import { listen } from './server/listen.mjs';
import { open as openMap } from './stores/none.mjs';
import { Helper } from './support/processes.mjs';

const MAIN = fileURLToPath(new URL('main.mjs', import.meta.url));
const CONNECTIONS = 40;
const RATE = 2000;

function useFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'kimdb-load-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A server over a store and a client with connections to it. */
async function connect(t, store) {
  const web = await listen(store);
  const client = new Helper('client');
  t.teardown(async () => {
    await client.end();
    await web.close();
  });
  await client.order('connect', { port: web.port, connections: CONNECTIONS });
  return { web, client };
}

test('a short run answers everything, and every read gives the newest write', (t) => {
  const folder = useFolder(t);
  const out = join(folder, 'results');
  const args = [MAIN, '--smoke', '--folder', join(folder, 'data'), '--out', out];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  t.is(status, 0, stderr);
  t.regex(stdout, /every read gave the newest write/);
  const report = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
  const { connections, rate, seconds, bursts } = report.size;
  t.is(connections, 200);
  // The first sessions, a second to warm up, the mix, the bursts, and the reads at the end.
  const answers = connections + rate + rate * seconds + bursts * connections + connections;
  t.deepEqual(
    report.rows.map(({ name, answers, failed, wrong }) => ({ name, answers, failed, wrong })),
    ['kimdb', 'none'].map((name) => ({ name, answers, failed: 0, wrong: 0 })),
  );
  t.regex(readFileSync(join(out, 'load.svg'), 'utf8'), /^<svg (?![\s\S]*NaN)[\s\S]*<path [\s\S]*<\/svg>\n$/);
  t.true(fillPage(report).includes('| kimdb |'));
  t.deepEqual(readdirSync(join(folder, 'data')), [], 'the databases are removed');
});

test('a store that loses writes is noticed, over HTTP and over WebSocket', async (t) => {
  const store = openMap();
  let writes = 0;
  const { client } = await connect(t, {
    ...store,
    // The first half are the first sessions.
    set: async (...args) => (writes++ < CONNECTIONS ? store.set(...args) : undefined),
  });
  t.like(await client.order('fill', { rate: RATE }), { requests: CONNECTIONS, failed: 0, wrong: 0 });
  t.like(await client.order('bursts', { bursts: 1, everyMs: 1 }), {
    requests: CONNECTIONS,
    failed: 0,
    wrong: 0,
  });
  const { requests, failed, wrong, problems } = await client.order('check', { rate: RATE });
  t.deepEqual({ requests, failed, wrong }, { requests: CONNECTIONS, failed: 0, wrong: CONNECTIONS });
  t.regex(problems[0], /^connection 0 had stored .*"sequence":2,.* and read .*"sequence":1,/);
});

test('sessions that are missing and writes that fail are counted', async (t) => {
  const store = openMap();
  const { client } = await connect(t, {
    ...store,
    get: async () => undefined,
    set: async () => {
      throw new Error('no room');
    },
  });
  const filled = await client.order('fill', { rate: RATE });
  t.like(filled, { requests: CONNECTIONS, failed: CONNECTIONS, wrong: 0 });
  t.true(filled.problems.every((problem) => problem.includes('no room')));
  const checked = await client.order('check', { rate: RATE });
  t.like(checked, { requests: CONNECTIONS, failed: CONNECTIONS, wrong: 0 });
  t.true(checked.problems.every((problem) => problem.includes('no such session')));
});

test('connections that end are counted, and hang nothing', async (t) => {
  const { web, client } = await connect(t, openMap());
  await client.order('fill', { rate: RATE });
  await web.disconnect();
  const { requests, failed } = await client.order('check', { rate: RATE });
  t.deepEqual({ requests, failed }, { requests: CONNECTIONS, failed: CONNECTIONS });
});

test('a mix has as many requests as the rate asks for, one in five a write', async (t) => {
  const store = openMap();
  let writes = 0;
  const { client } = await connect(t, {
    ...store,
    set: (...args) => {
      writes += 1;
      return store.set(...args);
    },
  });
  await client.order('fill', { rate: RATE });
  const { requests, failed, wrong } = await client.order('mix', { rate: RATE, seconds: 1, seed: 1 });
  t.deepEqual({ requests, failed, wrong }, { requests: RATE, failed: 0, wrong: 0 });
  t.true(
    Math.abs((writes - CONNECTIONS) / RATE - 0.2) < 0.03,
    `${writes - CONNECTIONS} of ${RATE} were writes`,
  );
});

const onUnix = process.platform === 'win32' ? test.skip : test;

onUnix('too few open files are refused, with what to do', (t) => {
  const command = `ulimit -n 300 && exec "${process.execPath}" "${MAIN}" --connections 1000 --stores none`;
  const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  t.is(status, 1);
  t.regex(stderr, /1000 connections take 1200 open files a process, and this system allows 300/);
  t.regex(stderr, /--connections 100\./);
});

for (const [args, message] of [
  [['--stores', 'redis'], /--stores takes kimdb, kimdb-old, none, got 'redis'/],
  [['--connections', '0'], /--connections must be an integer from 1 to 60000, got '0'/],
  [['--rat', '1'], /Unknown option '--rat'/],
]) {
  test(`${args.join(' ')} is refused`, (t) => {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
    t.is(status, 1);
    t.regex(stderr, message);
  });
}
