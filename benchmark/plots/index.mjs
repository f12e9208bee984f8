// Draws the results.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { growthPlot } from './growth.mjs';
import { latencyPlot } from './latency.mjs';
import { throughputPlot } from './throughput.mjs';

/** By the name of the file. `draw` gives nothing where the report has no figures for it. */
export const PLOTS = {
  throughput: { draw: throughputPlot, alt: 'Throughput of each driver in each workload' },
  latency: { draw: latencyPlot, alt: 'Time that single calls take, and the delay of the event loop' },
  growth: {
    draw: growthPlot,
    alt: 'Cost of a write, memory and time to open against the number of documents',
  },
};

export function drawPlots(report, folder) {
  for (const [name, { draw }] of Object.entries(PLOTS)) {
    const file = join(folder, `${name}.svg`);
    const svg = draw(report);
    // One of an earlier run would show other figures than the results beside it.
    if (svg === undefined) rmSync(file, { force: true });
    else writeFileSync(file, `${svg}\n`);
  }
}
