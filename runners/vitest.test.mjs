// Vitest over kimdb, in each of its pools.

import test from 'ava';
import { passes, runSuites } from './helpers/run.mjs';

for (const pool of ['forks', 'threads', 'vmForks', 'vmThreads']) {
  test.serial(`in the pool ${pool}`, async (t) => {
    await passes(t, 'vitest', ['behaviour', 'shared'], 'run', `--pool=${pool}`);
  });

  test.serial(`a test that fails with a database open fails the run, in the pool ${pool}`, async (t) => {
    const { code, signal, output, hangs } = await runSuites(
      t,
      'vitest',
      ['failing'],
      'run',
      `--pool=${pool}`,
    );
    t.deepEqual({ code, signal, hangs }, { code: 1, signal: null, hangs: undefined }, output);
  });
}

test.serial('many files in one process without isolation', async (t) => {
  const one = ['--pool=forks', '--no-isolate', '--no-file-parallelism'];
  await passes(t, 'vitest', ['behaviour', 'shared'], 'run', ...one);
});

test.serial('many files in one thread without isolation', async (t) => {
  const one = ['--pool=threads', '--no-isolate', '--no-file-parallelism'];
  await passes(t, 'vitest', ['behaviour', 'shared'], 'run', ...one);
});
