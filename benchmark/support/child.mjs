// One measurement: one workload on one driver in a process of its own. Started by process.mjs.
import { mkdirSync, rmSync } from 'node:fs';

process.once('message', async ({ workload, driver, folder, options }) => {
  const { run } = await import(`../workloads/${workload}.mjs`);
  const { open } = await import(`../drivers/${driver}.mjs`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });

  const store = await open(folder);
  const result = await run(store, options);
  await store.close();
  const peakMegabytes = process.resourceUsage().maxRSS / 1024;
  process.send({ ...result, peakMegabytes }, () => process.exit(0));
});
