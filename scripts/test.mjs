// npm test: prepares a fresh clone, then runs the Rust tests, the model tests, the JavaScript tests, and the suites that
// have a folder of their own. Arguments go to AVA and stand for JavaScript tests:
// npm test -- __test__/get.test.mjs
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { findChromium } from '../browser/helpers/chromium.mjs';
import { buildAddon } from './support/addon.mjs';
import { packageBin, run } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { countResults, readAvaLine, readCargoLine } from './support/results.mjs';
import { installSuites, prepareSuite, runSuite, SUITES } from './support/suites.mjs';
import { bold, green, red, say, seconds, step, wantsColor } from './support/terminal.mjs';

const start = Date.now();
const avaColors = wantsColor ? { FORCE_COLOR: '1' } : {};
// A thread of the tests mostly waits for the disk.
const rustThreads = { RUST_TEST_THREADS: String(2 * availableParallelism()), ...process.env };
const engine = ['test', '--no-default-features'];
const model = [...engine, '--features', 'model', '--lib'];

requireTools();
await installDependencies();
// Packages come over the network and code is compiled here: at the same time.
const installed = installSuites();
await buildAddon();
step('Compiling the Rust tests');
for (const tests of [engine, model]) await run('cargo', [...tests, '--no-run']);
await installed;
for (const folder of Object.keys(SUITES)) await prepareSuite(folder);
const prepared = seconds(start);
const results = [await rustTests(), await modelTests(), await javascriptTests(process.argv.slice(2))];
for (const folder of Object.keys(SUITES)) results.push(await suiteTests(folder));
report(results);

function rustTests() {
  step('Rust tests: the engine without Node.js');
  return countResults('Rust', readCargoLine, (onLine) =>
    run('cargo', [...engine, '--no-fail-fast'], { onLine, env: rustThreads }),
  );
}

function modelTests() {
  step('Model tests: the log in every order in which threads can meet');
  return countResults('Model', readCargoLine, (onLine) => run('cargo', [...model, 'model'], { onLine }));
}

function javascriptTests(files) {
  step('JavaScript tests: the public API');
  return countResults('JavaScript', readAvaLine, (onLine) =>
    packageBin('ava/entrypoints/cli.mjs', files, { onLine, env: avaColors }),
  );
}

function suiteTests(folder) {
  const { name, title } = SUITES[folder];
  step(title);
  return countResults(name, readAvaLine, (onLine) => runSuite(folder, [], { onLine, env: avaColors }));
}

function report(suites) {
  say('');
  say(`Prepared in ${prepared}`);
  for (const { name, passed, failed, failures, code, time } of suites) {
    const ended = code === 0 ? '' : ` (ended with code ${code})`;
    say(`${name}: ${passed} passed, ${failed} failed${ended} in ${time}`);
    for (const failure of failures) say(red(`  failed: ${failure}`));
  }
  const sum = (key) => suites.reduce((total, suite) => total + suite[key], 0);
  const good = suites.every((suite) => suite.code === 0 && suite.failed === 0);
  const paint = good ? green : red;
  if (findChromium() === undefined) {
    say(
      'Not tested: the page of the monitor, because there is no Chromium. On Debian: apt-get install chromium',
    );
  }
  say(`Time: ${seconds(start)}`);
  say(bold(paint(`${sum('passed')} passed, ${sum('failed')} failed`)));
  process.exitCode = good ? 0 : 1;
}
