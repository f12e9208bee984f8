// npm test: prepares a fresh clone, then runs the Rust tests, the model tests, the JavaScript tests, those of the
// example with Fastify, those inside Jest and Vitest, and the compatibility tests. Arguments go to AVA and stand for JavaScript tests:
// npm test -- __test__/get.test.mjs
import process from 'node:process';
import { buildAddon } from './support/addon.mjs';
import { packageBin, run } from './support/command.mjs';
import { prepareCompat, runCompat } from './support/compat.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { prepareExamples, runExamples } from './support/examples.mjs';
import { requireTools } from './support/requirements.mjs';
import { countResults, readAvaLine, readCargoLine } from './support/results.mjs';
import { prepareRunners, runRunners } from './support/runners.mjs';
import { bold, green, red, say, seconds, step, wantsColor } from './support/terminal.mjs';

const start = Date.now();
const avaColors = wantsColor ? { FORCE_COLOR: '1' } : {};
requireTools();
await installDependencies();
await buildAddon();
await prepareExamples();
await prepareRunners();
await prepareCompat();
report([
  await rustTests(),
  await modelTests(),
  await javascriptTests(process.argv.slice(2)),
  await exampleTests(),
  await runnerTests(),
  await compatTests(),
]);

function rustTests() {
  step('Rust tests: the engine without Node.js');
  return countResults('Rust', readCargoLine, (onLine) =>
    run('cargo', ['test', '--no-default-features', '--no-fail-fast'], { onLine }),
  );
}

function modelTests() {
  step('Model tests: the log in every order in which threads can meet');
  return countResults('Model', readCargoLine, (onLine) =>
    run('cargo', ['test', '--no-default-features', '--features', 'model', '--lib', 'model'], { onLine }),
  );
}

function javascriptTests(files) {
  step('JavaScript tests: the public API');
  return countResults('JavaScript', readAvaLine, (onLine) =>
    packageBin('ava/entrypoints/cli.mjs', files, { onLine, env: avaColors }),
  );
}

function exampleTests() {
  step('Example tests: an HTTP API with Fastify');
  return countResults('Examples', readAvaLine, (onLine) => runExamples({ onLine, env: avaColors }));
}

function runnerTests() {
  step('Runner tests: inside Jest and Vitest');
  return countResults('Runners', readAvaLine, (onLine) => runRunners({ onLine, env: avaColors }));
}

function compatTests() {
  step('Compatibility tests: kimdb 7 and this one side by side');
  return countResults('Compatibility', readAvaLine, (onLine) => runCompat([], { onLine, env: avaColors }));
}

function report(suites) {
  say('');
  for (const { name, passed, failed, code } of suites) {
    const ended = code === 0 ? '' : ` (ended with code ${code})`;
    say(`${name}: ${passed} passed, ${failed} failed${ended}`);
  }
  const sum = (key) => suites.reduce((total, suite) => total + suite[key], 0);
  const good = suites.every((suite) => suite.code === 0 && suite.failed === 0);
  const paint = good ? green : red;
  say(`Time: ${seconds(start)}`);
  say(bold(paint(`${sum('passed')} passed, ${sum('failed')} failed`)));
  process.exitCode = good ? 0 : 1;
}
