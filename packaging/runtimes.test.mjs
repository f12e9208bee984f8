// Every example of docs/api.md, with `import` and with `require`, from the installed package, in each program that runs JavaScript.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'ava';
import { programsOf, promisedLines } from '../__test__/helpers/pages.mjs';
import { makeInstalledProject, runScript, writeFiles } from './helpers/project.mjs';
import { RUNTIMES } from './helpers/runtimes.mjs';

const RUNNER = readFileSync(new URL('./programs/run-all.mjs', import.meta.url), 'utf8');

const WORKERS = `
import { isMainThread, Worker } from 'node:worker_threads';
import SimpleDB from 'kimdb/hyperscale';

const db = new SimpleDB();
await db.set('threads', isMainThread ? 'main' : 'worker', 1);
if (isMainThread) {
  await new Promise((resolve) => new Worker(new URL(import.meta.url)).on('exit', resolve));
  console.log((await db.getAll('threads')).map(({ id }) => id).sort().join());
}
db.close();
`;

// What is counted are the database's files.
const LEAVING = `
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import SimpleDB from 'kimdb/hyperscale';

const nameOf = (handle) => {
  try {
    return readlinkSync('/proc/self/fd/' + handle);
  } catch {
    return '';
  }
};
const count = () => readdirSync('/proc/self/fd').filter((handle) => nameOf(handle).includes('/data/')).length;

if (isMainThread) {
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(new URL(import.meta.url));
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
  }
  // Not every runtime waits for what a worker does at its end.
  for (let i = 0; i < 500 && count() > 0; i++) await setTimeout(10);
  console.log(count(), 'left');
} else {
  await new SimpleDB().set('threads', 'worker', 1);
  parentPort.postMessage(count());
  setInterval(() => {}, 1000);
}
`;

const programs = programsOf('docs/api.md');

/** `import` as `require`, and all of it in a function, because only modules may wait outside of one. */
function asCommonJs(source) {
  const body = source
    .replace(/^import (\w+), (\{.*\}) from '(.+)';$/gm, "const $1 = require('$3'), $2 = $1;")
    .replace(/^import (\w+|\{.*\}) from '(.+)';$/gm, "const $1 = require('$2');");
  return `exports.done = (async () => {\n${body}\n})();\n`;
}

const WAYS = {
  import: { file: 'program.mjs', write: (source) => source },
  require: { file: 'program.cjs', write: asCommonJs },
};

/** Examples that use what a runtime itself does not have. */
const BEYOND = {
  // Symbol.asyncDispose is there from Node.js 20.4 on.
  'Node.js 20.0': ['SimpleDB, `[Symbol.dispose]()`, `[Symbol.asyncDispose]()`'],
  // It starts a second program with options of Node.js; what it shows is in the test of kills below.
  Deno: ['The log'],
};

test('each example is there', (t) => {
  t.true(programs.length > 40);
  for (const name of Object.values(BEYOND).flat()) t.true(programs.some((program) => program.name === name));
});

for (const [runtime, command] of RUNTIMES) {
  // `require` does not differ from one Node.js to the next.
  const ways = runtime.startsWith('Node.js') ? ['import'] : ['import', 'require'];
  for (const way of ways) {
    // One after the other: each is many databases with threads of their own.
    test.serial(`${runtime}: the examples with ${way}`, async (t) => {
      const { file, write } = WAYS[way];
      const folder = await makeInstalledProject(t);
      const examples = programs
        .filter(({ name }) => !BEYOND[runtime]?.includes(name))
        .map((program, index) => ({ ...program, path: join('examples', String(index), file) }));
      for (const { path, source } of examples) writeFiles(folder, { [path]: write(source) });
      writeFiles(folder, { 'run-all.mjs': RUNNER });
      const paths = examples.map(({ path }) => join(folder, path));
      const { code, stdout, stderr } = await runScript(t, folder, 'run-all.mjs', {
        runtime: command,
        arguments: paths,
      });
      t.is(code, 0, stderr);
      const results = JSON.parse(stdout);
      for (const [index, { name, source }] of examples.entries()) {
        t.deepEqual(results[paths[index]], promisedLines(source), name);
      }
    });
  }

  test.serial(`${runtime}: a killed program loses nothing, one that only ends neither`, async (t) => {
    const folder = await makeInstalledProject(t);
    const opened =
      "import SimpleDB from 'kimdb/hyperscale';\nconst db = new SimpleDB({ flushInterval: 60000 });\n";
    writeFiles(folder, {
      'ends.mjs': `${opened}await db.set('users', 1, 'Kim');`,
      'killed.mjs': `${opened}await db.set('users', 2, 'Lee');\nprocess.kill(process.pid, 'SIGKILL');`,
      'reads.mjs': `${opened}console.log((await db.getAll('users')).map(({ id }) => id).sort().join());\ndb.close();`,
    });
    const start = (script) => runScript(t, folder, script, { runtime: command });
    t.like(await start('ends.mjs'), { code: 0, stdout: '' });
    t.like(await start('killed.mjs'), { code: 'SIGKILL', stdout: '' });
    t.like(await start('reads.mjs'), {
      code: 0,
      stdout: '[kimdb] Recovering 1 buffered writes from WAL...\n[kimdb] Recovered 1 writes\n1,2\n',
    });
  });

  test.serial(
    `${runtime}: process.exit() and an error that nobody catches flush, also without a log`,
    async (t) => {
      const folder = await makeInstalledProject(t);
      const opened =
        "import SimpleDB from 'kimdb/hyperscale';\nconst db = new SimpleDB({ flushInterval: 60000, safeMode: false });\n";
      writeFiles(folder, {
        'exits.mjs': `${opened}await db.set('users', 1, 'Kim');\nprocess.exit(3);`,
        'throws.mjs': `${opened}await db.set('users', 2, 'Lee');\nthrow new Error('on purpose');`,
        'reads.mjs': `${opened}console.log((await db.getAll('users')).map(({ id }) => id).sort().join());\ndb.close();`,
      });
      const start = (script) => runScript(t, folder, script, { runtime: command });
      t.like(await start('exits.mjs'), { code: 3, stdout: '' });
      t.like(await start('throws.mjs'), { code: 1, stdout: '' });
      t.like(await start('reads.mjs'), { code: 0, stdout: '1,2\n' });
    },
  );

  test.serial(`${runtime}: a worker thread shares the database`, async (t) => {
    const folder = await makeInstalledProject(t);
    writeFiles(folder, { 'workers.mjs': WORKERS });
    t.like(await runScript(t, folder, 'workers.mjs', { runtime: command }), {
      code: 0,
      stdout: 'main,worker\n',
    });
  });

  if (process.platform === 'linux') {
    test.serial(`${runtime}: a worker that ends without close() leaves no file open`, async (t) => {
      const folder = await makeInstalledProject(t);
      writeFiles(folder, { 'leaving.mjs': LEAVING });
      t.like(await runScript(t, folder, 'leaving.mjs', { runtime: command }), {
        code: 0,
        stdout: '0 left\n',
      });
    });
  }
}

// Deno runs finalizers before cleanup hooks when a file of tests is through.
if (RUNTIMES.has('Deno')) {
  test.serial('Deno: tests that leave a database open end, and lose nothing', async (t) => {
    const folder = await makeInstalledProject(t);
    writeFiles(folder, {
      'open.test.mjs': `
import { HyperScaleDB } from 'kimdb/hyperscale';

for (const id of ['1', '2']) Deno.test(id, () => new HyperScaleDB().init().write('users', id, 'Kim'));
`,
      'reads.mjs': `
import SimpleDB from 'kimdb/hyperscale';

const db = new SimpleDB({ logger: false });
console.log((await db.getAll('users')).map(({ id }) => id).sort().join());
db.close();
`,
    });
    const run = RUNTIMES.get('Deno');
    const [executable, , ...rights] = run;
    const tests = [executable, 'test', '--no-check', ...rights];
    const { code, stdout, stderr } = await runScript(t, folder, 'open.test.mjs', { runtime: tests });
    t.is(code, 0, stderr);
    t.regex(stdout, /2 passed/);
    t.like(await runScript(t, folder, 'reads.mjs', { runtime: run }), { code: 0, stdout: '1,2\n' });
  });
}
