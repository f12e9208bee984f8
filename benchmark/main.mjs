// The benchmark: npm run bench, in the repository's root, prepares everything and starts this.
import process from 'node:process';
import { previewPages, writePages } from './pages/index.mjs';
import { drawPlots } from './plots/index.mjs';
import { readArguments } from './support/arguments.mjs';
import { describeMachine } from './support/machine.mjs';
import { makePlan } from './support/plan.mjs';
import { endProgress, startProgress } from './support/progress.mjs';
import { COMMITTED, readResults, writeResults } from './support/results.mjs';
import { runRounds } from './support/rounds.mjs';
import { printConditions, printTargets, printWorkload } from './support/screen.mjs';
import { summarise } from './support/summary.mjs';
import { judge } from './support/targets.mjs';

const settings = readArguments(process.argv.slice(2));
if (settings.docsOnly) {
  const report = readResults();
  drawPlots(report, COMMITTED);
  writePages(report);
} else {
  await measureAll();
}

async function measureAll() {
  const plan = await makePlan(settings);
  const { folder, out, size, rounds, isSmoke } = settings;
  // The figures of a smoke test mean nothing, so it shows none.
  const show = isSmoke ? () => undefined : (print) => print();
  const report = { size, rounds, machine: describeMachine(folder), drivers: plan.drivers, workloads: [] };
  show(() => printConditions(report));
  const progress = startProgress(plan.workloads);
  for (const workload of plan.workloads) {
    const { results, failures } = await runRounds(workload, settings, (driver, round) =>
      progress(workload, driver, round),
    );
    endProgress();
    const { name, title, lines, options, skipped } = workload;
    const rows = summarise(workload, results);
    const finished = {
      name,
      title,
      lines,
      options,
      rounds: workload.rounds,
      skipped,
      failures,
      rows,
      results,
    };
    report.workloads.push(finished);
    report.targets = judge(report.workloads);
    show(() => printWorkload(finished, plan.drivers));
    // After each workload, so that a run that is interrupted leaves something.
    writeResults(report, out);
  }
  show(() => printTargets(report.targets));
  drawPlots(report, out);
  if (isSmoke) previewPages(report);
  finish(report, out);
}

/** Where the results are, and what failed on the way. */
function finish({ workloads, size }, out) {
  const failed = workloads.flatMap(({ name, failures }) =>
    failures.map(({ driver, error }) => `${name}, ${driver}: ${error}`),
  );
  if (failed.length > 0) {
    console.error(`\nFailed:\n${failed.join('\n')}`);
    process.exitCode = 1;
  } else if (size === 'smoke') console.log('Every measurement came to its end');
  console.log(`Written to ${out}`);
}
