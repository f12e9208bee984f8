// The tables of the report, for the terminal and for Markdown alike: rows of texts under a heading.
import { duration, figure, ratio } from './format.mjs';
import { isRate } from './summary.mjs';

/** What is written to the right in its column. */
const NUMBER = /^([\d.,]+( (x|ns|µs|ms|s))?)?$/;

/** Whether a workload has lines that are no rates, or are in groups; then they stand side by side. */
export const isGrid = ({ lines }) => Object.values(lines).some(({ unit, group }) => group || !isRate(unit));

/** @returns {{ title: string, rows: string[][] }[]} */
export function tablesOf(workload, drivers) {
  return isGrid(workload) ? gridTables(workload, drivers) : lineTables(workload, drivers);
}

/** One table for each line of the workload. */
function lineTables({ name, lines, rows }, drivers) {
  return Object.entries(lines).flatMap(([line, { title, unit, promise }]) => {
    const own = rows.filter((row) => row.line === line);
    if (own.length === 0) return [];
    const hasPercentiles = own.some(({ percentiles }) => percentiles);
    const heading = ['driver', unit, 'lowest', 'highest', 'kimdb is'];
    if (hasPercentiles) heading.push('p50', 'p99', 'p99.9');
    heading.push('peak MB');
    if (promise) heading.push('what is promised when the clock stops');
    const body = own.map((row) => {
      const driver = drivers.find((one) => one.name === row.driver);
      const cells = [driver.title, figure(row.median), figure(row.min), figure(row.max)];
      cells.push(row.driver === 'kimdb' ? '' : ratio(row.timesBetter));
      if (hasPercentiles) {
        const { p50, p99, p999 } = row.percentiles ?? {};
        cells.push(duration(p50), duration(p99), duration(p999));
      }
      cells.push(figure(row.peakMegabytes));
      if (promise) cells.push(driver.promises?.[promise] ?? 'nothing');
      return cells;
    });
    return [{ title: `${name}: ${title}`, rows: [heading, ...body] }];
  });
}

/** For workloads of many lines: tables with a row a driver and a column a line, one for each group of lines. */
function gridTables({ name, lines, rows }, drivers) {
  const groups = [...new Set(Object.values(lines).map(({ group }) => group))];
  return groups.map((group) => {
    const own = Object.keys(lines).filter((line) => lines[line].group === group);
    const titles = own.map((line) =>
      group ? lines[line].title : `${lines[line].title}, ${lines[line].unit}`,
    );
    const body = drivers
      .filter((driver) => rows.some((row) => row.driver === driver.name))
      .map((driver) => {
        const cell = (line) => rows.find((row) => row.line === line && row.driver === driver.name)?.median;
        return [driver.title, ...own.map((line) => figure(cell(line)))];
      });
    return { title: group ? `${name}: ${group}` : name, rows: [['driver', ...titles], ...body] };
  });
}

export function targetTable(targets) {
  const heading = ['target', 'reached', 'wanted', ''];
  return [
    heading,
    ...targets.map(({ text, reached, wanted, isMet }) => [text, reached, wanted, isMet ? 'yes' : 'not yet']),
  ];
}

/** Texts to the left, numbers to the right. */
export function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const isNumber = rows[0].map((_, column) => rows.slice(1).every((row) => NUMBER.test(row[column])));
  rows.forEach((row, index) => {
    const cells = row.map((text, column) =>
      isNumber[column] ? text.padStart(widths[column]) : text.padEnd(widths[column]),
    );
    console.log(`  ${cells.join('   ').trimEnd()}`);
    if (index === 0) console.log(`  ${widths.map((width) => '-'.repeat(width)).join('   ')}`);
  });
}

export function markdownTable(rows) {
  const line = (cells) => `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  const isNumber = rows[0].map((_, column) => rows.slice(1).every((row) => NUMBER.test(row[column])));
  return [
    line(rows[0]),
    `|${isNumber.map((number) => (number ? '--:' : '---')).join('|')}|`,
    ...rows.slice(1).map(line),
  ].join('\n');
}
