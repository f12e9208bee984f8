// The sections of docs/performance.md.
import { PLOTS } from '../plots/index.mjs';
import { optionText } from '../support/format.mjs';
import { describe } from '../support/machine.mjs';
import { markdownTable, tablesOf, targetTable } from '../support/tables.mjs';

export function performanceSections(report) {
  return {
    conditions: conditions(report),
    plots: plots(report),
    targets: markdownTable(targetTable(report.targets)),
    tables: report.workloads.map((workload) => workloadText(workload, report.drivers)).join('\n\n'),
  };
}

function conditions({ machine, drivers }) {
  const settings = drivers.map(({ title, version, settings: text }) => [title, version, text]);
  return [
    markdownTable([['', ''], ...describe(machine)]),
    markdownTable([['driver', 'version', 'settings'], ...settings]),
  ].join('\n\n');
}

function plots(report) {
  return Object.entries(PLOTS)
    .filter(([, { draw }]) => draw(report) !== undefined)
    .map(([name, { alt }]) => `![${alt}](../benchmark/results/${name}.svg)`)
    .join('\n\n');
}

function workloadText(workload, drivers) {
  const { name, title, options, rounds, skipped, failures } = workload;
  const medians = rounds === 1 ? 'One round.' : `Medians of ${rounds} rounds.`;
  const absent = [...skipped, ...failures].map(({ driver, reason }) => `${driver}, ${reason}`);
  return [
    `### ${name}`,
    `${title[0].toUpperCase()}${title.slice(1)} (${optionText(options)}). ${medians}`,
    ...tablesOf(workload, drivers).flatMap((table) => [`**${table.title}**`, markdownTable(table.rows)]),
    absent.length > 0 ? `Not measured: ${absent.join('; ')}.` : '',
  ]
    .filter((text) => text !== '')
    .join('\n\n');
}
