// Each example runs by itself, in an empty folder, and shows what it is there to show. The one with Fastify has its
// tests beside it.

import process from 'node:process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { startCommand } from './helpers/child.mjs';
import { useFolder } from './helpers/database.mjs';

const pathOf = (name) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));

async function runExample(t, cwd, name, ...args) {
  const { code, lines, stderr } = await startCommand(t, process.execPath, [pathOf(name), ...args], { cwd })
    .ended;
  t.deepEqual([code, stderr], [0, '']);
  return lines;
}

test('basic: the visits go on counting', async (t) => {
  const folder = useFolder(t);
  t.is((await runExample(t, folder, 'basic.mjs')).at(-1), '3 users, visit number 1');
  t.is((await runExample(t, folder, 'basic.mjs')).at(-1), '3 users, visit number 2');
});

test('sessions: a visitor is known until logging out', async (t) => {
  t.deepEqual(await runExample(t, useFolder(t), 'sessions.mjs', '--try'), [
    '/ Visit number 1',
    '/ Visit number 2',
    '/logout Goodbye',
    '/ Visit number 1',
    'strangers Visit number 1',
  ]);
});

test('sessions: the server ends at SIGTERM, and knows its visitors afterwards', async (t) => {
  const cwd = useFolder(t);
  let cookie = '';
  for (const visit of [1, 2]) {
    const env = { ...process.env, PORT: '0' };
    const server = startCommand(t, process.execPath, [pathOf('sessions.mjs')], { cwd, env });
    const [address] = /http:\/\/localhost:\d+/.exec(await server.nextLine());
    const response = await fetch(address, { headers: { cookie } });
    cookie = response.headers.get('set-cookie').split(';')[0];
    t.is(await response.text(), `Visit number ${visit}\n`);
    server.child.kill('SIGTERM');
    const { code, stderr } = await server.ended;
    t.deepEqual([code, stderr], [0, '']);
  }
});

test('job log: a kill loses no job', async (t) => {
  const folder = useFolder(t);
  t.deepEqual(await runExample(t, folder, 'job-log.mjs', '--try'), [
    'ended by SIGKILL',
    '6 jobs left by an earlier run',
    '6 jobs done, 10 results, 0 jobs open',
  ]);
  t.deepEqual(await runExample(t, folder, 'job-log.mjs'), ['10 jobs done, 20 results, 0 jobs open']);
});

test('workers: every write of every worker is there', async (t) => {
  const lines = await runExample(t, useFolder(t), 'workers.mjs');
  t.regex(lines[0], /^40000 documents by 4 workers in /);
  t.is(lines[1], 'one document that all of them wrote has version 400');
});

test('cluster: what one process writes the others read', async (t) => {
  t.deepEqual(await runExample(t, useFolder(t), 'cluster.mjs', '--try'), [
    '200 notes, written by several processes and read by any',
  ]);
});
