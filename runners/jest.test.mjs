// Jest over kimdb: a realm for each test file, module registries that are reset, workers.

import test from 'ava';
import { passes, runSuites } from './helpers/run.mjs';

test.serial('in one process, and no handle is open at the end', async (t) => {
  await passes(t, 'jest', ['behaviour'], '--runInBand', '--detectOpenHandles');
});

test.serial('many files in one process, each leaves a database open', async (t) => {
  await passes(t, 'jest', ['shared'], '--runInBand');
});

test.serial('worker processes end gracefully', async (t) => {
  await passes(t, 'jest', ['behaviour', 'shared'], '--maxWorkers=4');
});

test.serial('worker threads end gracefully', async (t) => {
  await passes(t, 'jest', ['behaviour', 'shared'], '--maxWorkers=4', '--workerThreads');
});

test.serial('fake timers everywhere', async (t) => {
  await passes(t, 'jest', ['behaviour', 'shared'], '--runInBand', '--fakeTimers={"enableGlobally":true}');
});

test.serial('a database that nobody closed is an open handle, and points at who opened it', async (t) => {
  const { code, output } = await runSuites(t, 'jest', ['shared-1'], '--runInBand', '--detectOpenHandles');
  t.is(code, 0, output);
  t.regex(output, /detected the following 1 open handle/);
  t.regex(output, /shared\.cjs:\d+/);
});

test.serial('a test that fails with a database open fails the run', async (t) => {
  const { code, signal, output, hangs } = await runSuites(t, 'jest', ['failing']);
  t.deepEqual({ code, signal, hangs }, { code: 1, signal: null, hangs: undefined }, output);
});
