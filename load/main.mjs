// The load: npm run load, in the repository's root, prepares everything and starts this.
import process from 'node:process';
import { describe, describeMachine } from '../benchmark/support/machine.mjs';
import { endProgress, fail, progress, say } from '../scripts/support/terminal.mjs';
import { writePage } from './report/page.mjs';
import { drawPlot } from './report/plot.mjs';
import { COMMITTED, readResults, writeResults } from './report/results.mjs';
import { summarise } from './report/summary.mjs';
import { printTables } from './report/tables.mjs';
import { judge } from './report/targets.mjs';
import { loadStore } from './stores/index.mjs';
import { readArguments } from './support/arguments.mjs';
import { tooFewDescriptors } from './support/descriptors.mjs';
import { runStore } from './support/run.mjs';

const settings = readArguments();
if (settings.docsOnly) {
  const report = readResults();
  drawPlot(report, COMMITTED);
  writePage(report);
} else {
  const refusal = tooFewDescriptors(settings.size.connections);
  if (refusal) fail(refusal);
  await measureAll();
}

async function measureAll() {
  const { size, stores, folder, out, isSmoke } = settings;
  const modules = await Promise.all(stores.map(loadStore));
  const report = {
    size,
    machine: describeMachine(folder),
    stores: modules.map(({ title, version, settings: text }, i) => ({
      name: stores[i],
      title,
      version,
      settings: text,
    })),
  };
  if (!isSmoke) printConditions(report);
  report.runs = await runAll();
  report.rows = summarise(report);
  report.targets = judge(report.rows);
  // The figures of a smoke test mean nothing, so it shows none.
  if (!isSmoke) printTables(report);
  drawPlot(report, out);
  writeResults(report, out);
  finish(report, out);
}

/** The stores take turns, and each round begins with another one: what else the machine does hits all alike. */
async function runAll() {
  const { size, stores } = settings;
  const runs = [];
  for (let round = 0; round < size.rounds; round++) {
    const first = round % stores.length;
    for (const store of [...stores.slice(first), ...stores.slice(0, first)]) {
      const name = `[${runs.length + 1}/${size.rounds * stores.length}] round ${round + 1}, ${store}`;
      const run = await runStore(store, round, settings, (what) => progress(`${name}: ${what}`));
      // The plot shows the first round.
      if (round > 0) run.samples = [];
      runs.push(run);
      endProgress();
      const { answers, failed, wrong } = run;
      say(`${name}: ${answers} answers, ${failed} failed, ${wrong} wrong`);
    }
  }
  return runs;
}

function printConditions({ size, machine, stores }) {
  const { connections, rate, seconds, bursts } = size;
  say(
    `${connections} connections, ${rate} requests a second for ${seconds} s, then ${bursts} times a write of each`,
  );
  for (const [name, value] of describe(machine)) say(`${name}: ${value}`);
  for (const { title, version, settings: text } of stores) say(`${title} (${version}): ${text}`);
  say('');
}

/** What was wrong, and where the results are. */
function finish({ runs }, out) {
  for (const { store, problems } of runs) {
    for (const problem of problems) console.error(`${store}: ${problem}`);
  }
  const bad = runs.filter(({ failed, wrong }) => failed + wrong > 0);
  // That the old library loses something is its figure, not a failure of this.
  if (bad.some(({ store }) => store !== 'kimdb-old')) process.exitCode = 1;
  if (bad.length === 0) say('Every request was answered, and every read gave the newest write');
  say(`Written to ${out}`);
}
