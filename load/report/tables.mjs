// The tables of the report, for the terminal and for Markdown alike.
import { figure } from '../../benchmark/support/format.mjs';
import { printTable, targetTable } from '../../benchmark/support/tables.mjs';
import { say } from '../../scripts/support/terminal.mjs';

/** @returns {{ title: string, rows: string[][] }[]} */
export function tablesOf({ rows, size }) {
  return [
    { title: `${figure(size.rate)} requests a second`, rows: mixTable(rows) },
    { title: 'Bursts', rows: burstTable(rows) },
    { title: 'Answers', rows: answerTable(rows) },
  ];
}

function mixTable(rows) {
  const heading = ['store', 'requests/s', 'p50 ms', 'p99 ms', 'p99.9 ms', 'writes p99 ms'];
  heading.push('loop p50 ms', 'loop p99 ms', 'loop longest ms', 'cores', 'MB');
  return [
    heading,
    ...rows.map(({ title, mix: { perSecond, latency, writes, loop, cores, megabytes } }) =>
      cells(
        title,
        perSecond,
        latency.p50,
        latency.p99,
        latency.p999,
        writes.p99,
        loop.p50,
        loop.p99,
        loop.max,
        cores,
        megabytes,
      ),
    ),
  ];
}

function burstTable(rows) {
  const heading = [
    'store',
    'writes/s',
    'p50 ms',
    'p99 ms',
    'p99.9 ms',
    'loop p99 ms',
    'loop longest ms',
    'cores',
    'MB',
  ];
  return [
    heading,
    ...rows.map(({ title, burst: { perSecond, latency, loop, cores, megabytes } }) =>
      cells(title, perSecond, latency.p50, latency.p99, latency.p999, loop.p99, loop.max, cores, megabytes),
    ),
  ];
}

function answerTable(rows) {
  return [
    ['store', 'answers', 'failed', 'wrong reads', 'loop p99 of the client, ms', 'cores of other programs'],
    ...rows.map(({ title, answers, failed, wrong, mix }) =>
      cells(title, answers, failed, wrong, mix.clientLoopP99, mix.others),
    ),
  ];
}

const cells = (title, ...numbers) => [title, ...numbers.map(figure)];

export function printTables(report) {
  for (const { title, rows } of tablesOf(report)) {
    say(`\n  ${title}`);
    printTable(rows);
  }
  if (report.targets.length > 0) {
    say('');
    printTable(targetTable(report.targets));
  }
  say('');
}
