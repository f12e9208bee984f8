// npm test: prepares a fresh clone, then runs the Rust tests, the model tests, the JavaScript tests, and the suites that
// have a folder of their own. Arguments go to AVA and stand for JavaScript tests:
// npm test -- __test__/get.test.mjs
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { findChromium } from '../browser/helpers/chromium.mjs';
import { buildAddon } from './support/addon.mjs';
import { passArguments } from './support/arguments.mjs';
import { packageBin, run } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { countResults, readAvaLine, readCargoLine } from './support/results.mjs';
import { installSuites, prepareSuite, runSuite, SUITES } from './support/suites.mjs';
import { bold, green, red, say, seconds, step, wantsColor } from './support/terminal.mjs';

const files = passArguments(`npm test -- [file ...] [options of AVA]

  file    JavaScript tests, e.g. __test__/options.test.mjs; left out, all. The other suites run too
  --help  this text`);
const start = Date.now();
const avaColors = wantsColor ? { FORCE_COLOR: '1' } : {};
// A thread of the tests mostly waits for the disk.
const rustThreads = { RUST_TEST_THREADS: String(2 * availableParallelism()), ...process.env };
const engine = ['test', '--no-default-features'];
const model = [...engine, '--features', 'model', '--lib'];

requireTools();
await installDependencies();
// Packages come over the network and code is compiled here, the suites mostly wait for programs that they start, and the Rust
// tests for the disk: so one goes on while the other waits. The JavaScript tests have the machine for themselves.
const installed = installSuites();
await buildAddon();
const suites = installed.then(runSuites);
step('Compiling the Rust tests');
for (const tests of [engine, model]) await run('cargo', [...tests, '--no-run']);
const compiled = seconds(start);
const results = [await rustTests(), await modelTests()];
const ofSuites = await suites;
results.push(await javascriptTests(), ...ofSuites);
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

function javascriptTests() {
  step('JavaScript tests: the public API');
  return countResults('JavaScript', readAvaLine, (onLine) =>
    packageBin('ava/entrypoints/cli.mjs', files, { onLine, env: avaColors }),
  );
}

/** All suites, one after the other. What one prints comes when it ends, in one piece. */
async function runSuites() {
  const results = [];
  for (const [folder, { name, title }] of Object.entries(SUITES)) {
    await prepareSuite(folder);
    const lines = [];
    const keep = (onLine) => (line) => {
      lines.push(line);
      onLine(line);
    };
    const start = (onLine) => runSuite(folder, [], { onLine: keep(onLine), hidden: true, env: avaColors });
    results.push(await countResults(name, readAvaLine, start));
    step(title);
    say(lines.join('\n'));
  }
  return results;
}

function report(suites) {
  say('');
  say(`Compiled in ${compiled}`);
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
