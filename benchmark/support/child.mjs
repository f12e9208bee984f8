// One phase of one workload on one driver, in a process of its own. Started by process.mjs.
import process from 'node:process';
import { loadDriver } from '../drivers/index.mjs';
import { loadWorkload } from '../workloads/index.mjs';

process.once('message', async (order) => {
  try {
    const figures = await measure(order);
    const peakMegabytes = process.resourceUsage().maxRSS / 1024;
    process.send({ figures, peakMegabytes });
  } catch (error) {
    process.send({ error: error.stack ?? String(error) });
  }
});
// The parent says when to go, or kills.
process.on('disconnect', () => process.exit(0));

async function measure({ workload, driver, folder, options, phase }) {
  const { open, measures } = await loadDriver(driver);
  if (measures) return measures[workload](options, folder);
  const run = (await loadWorkload(workload)).phases(options)[phase];
  let store;
  const openOnce = async (settings) => {
    store = await open(folder, settings);
    return store;
  };
  const figures = await run({ open: openOnce, options, driver, folder });
  if (run.ends !== 'killed') await store.close();
  return figures;
}
