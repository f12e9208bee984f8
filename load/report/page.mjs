// The section of docs/performance.md about the load: what stands between its marks is replaced.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { figure } from '../../benchmark/support/format.mjs';
import { describe } from '../../benchmark/support/machine.mjs';
import { markdownTable, targetTable } from '../../benchmark/support/tables.mjs';
import { say } from '../../scripts/support/terminal.mjs';
import { PLOT } from './plot.mjs';
import { tablesOf } from './tables.mjs';

const FILE = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));
const FROM = '<!-- load -->';
const TO = '<!-- end of load -->';

export function writePage(report) {
  writeFileSync(FILE, fillPage(report));
  say(`Written: ${FILE}`);
}

/** The page with the figures of the report; fails where it has lost a mark. */
export function fillPage(report) {
  const text = readFileSync(FILE, 'utf8');
  const start = text.indexOf(FROM);
  const end = text.indexOf(TO);
  if (start < 0 || end < start) throw new Error(`${FILE} has no place between ${FROM} and ${TO}`);
  return `${text.slice(0, start + FROM.length)}\n\n${sectionOf(report)}\n\n${text.slice(end)}`;
}

function sectionOf(report) {
  const { connections, rate, seconds, bursts, rounds } = report.size;
  const conditions = describe(report.machine).map(([name, value]) => `${name} ${value}`);
  return [
    `![Latency, delay of the event loop and memory over time](../load/results/${PLOT})`,
    `${figure(connections)} connections, ${figure(rate)} requests a second for ${seconds} s, then ${bursts} bursts. ` +
      `Medians of ${rounds} rounds; memory is the most of all rounds. ${conditions.join('; ')}.`,
    markdownTable(targetTable(report.targets)),
    ...tablesOf(report).flatMap(({ title, rows }) => [`**${title}**`, markdownTable(rows)]),
  ].join('\n\n');
}
