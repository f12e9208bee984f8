// What the run prints.
import { optionText } from './format.mjs';
import { describe } from './machine.mjs';
import { printTable, tablesOf, targetTable } from './tables.mjs';

export function printConditions({ machine, drivers, size, rounds }) {
  console.log(`Size: ${size}, rounds: ${rounds}; each measurement in a process of its own, drivers in turn`);
  for (const [name, value] of describe(machine)) console.log(`${name}: ${value}`);
  console.log('');
  for (const { title, version, settings } of drivers) console.log(`${title} (${version}): ${settings}`);
  console.log('');
}

export function printWorkload(workload, drivers) {
  const { name, title, options, rounds, skipped, failures } = workload;
  console.log(`\n${name}: ${title}`);
  console.log(`  ${optionText(options)}; medians of ${rounds === 1 ? '1 round' : `${rounds} rounds`}`);
  for (const table of tablesOf(workload, drivers)) {
    console.log(`\n  ${table.title}`);
    printTable(table.rows);
  }
  for (const { driver, reason } of skipped) console.log(`  not measured: ${driver}, ${reason}`);
  for (const { driver, reason } of failures) console.log(`  failed: ${driver}, ${reason}`);
  console.log('');
}

export function printTargets(targets) {
  if (targets.length === 0) return;
  console.log('');
  printTable(targetTable(targets));
}
