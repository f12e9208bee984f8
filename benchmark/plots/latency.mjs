// How long single calls take: from the median to the slowest, on a logarithmic scale, in microseconds.
import { scaleLog } from 'd3-scale';
import { duration } from '../support/format.mjs';
import { columnWidth, frame } from './frame.mjs';
import { element, label, stroke } from './svg.mjs';
import { colorOf, GRID, opacityOf, weightOf } from './theme.mjs';

const COLUMNS = 2;
const WIDTH = columnWidth(COLUMNS);
const NAMES = 130;
const RIGHT = 24;
const STEP = 20;
const HEAD = 30;
const FOOT = 20;

export function latencyPlot({ workloads, drivers, machine }) {
  const panels = [...workloads.flatMap(callPanels), ...workloads.flatMap(loopPanel)];
  if (panels.length === 0) return undefined;
  return frame({
    title: 'Latency',
    subtitle:
      'Less is better. Dot: median; thick line up to p99; thin line up to p99.9 (event loop: the longest delay).',
    panels: panels.map((one) => panel(one, drivers)),
    columns: COLUMNS,
    machine,
  });
}

function callPanels({ name, lines, rows }) {
  return Object.entries(lines).flatMap(([line, { title }]) => {
    const own = rows.filter((row) => row.line === line && row.percentiles);
    if (own.length === 0) return [];
    return [
      {
        title: `${name}: ${title}`,
        rows: own.map(({ driver, percentiles }) => ({ driver, ...percentiles })),
      },
    ];
  });
}

/** The delay of the event loop has lines of its own, in milliseconds. */
function loopPanel({ name, rows }) {
  if (name !== 'lag') return [];
  const value = (driver, line) =>
    1000 * rows.find((row) => row.driver === driver && row.line === line).median;
  const own = rows
    .filter(({ line }) => line === 'p99')
    .map(({ driver }) => ({
      driver,
      p50: value(driver, 'p50'),
      p99: value(driver, 'p99'),
      p999: value(driver, 'max'),
    }));
  return own.length === 0 ? [] : [{ title: 'lag: delay of the event loop', rows: own }];
}

function panel({ title, rows }, drivers) {
  const least = Math.min(...rows.map(({ p50 }) => p50));
  const most = Math.max(...rows.map(({ p999 }) => p999));
  const powers = [
    Math.floor(Math.log10(least)),
    Math.max(Math.ceil(Math.log10(most)), Math.floor(Math.log10(least)) + 1),
  ];
  const x = scaleLog(
    powers.map((power) => 10 ** power),
    [NAMES, WIDTH - RIGHT],
  );
  const bottom = HEAD + rows.length * STEP;
  const marks = [];
  for (let power = powers[0]; power <= powers[1]; power++) {
    const at = x(10 ** power);
    marks.push(stroke(at, HEAD - 6, at, bottom, { stroke: GRID }));
    marks.push(label(at, bottom + 13, duration(10 ** power), { 'text-anchor': 'middle', 'font-size': 10 }));
  }
  const lines = rows.map((row, i) => {
    const driver = drivers.find(({ name }) => name === row.driver);
    return range(row, driver, x, HEAD + i * STEP + STEP / 2 - 4);
  });
  return {
    height: bottom + FOOT,
    content: [label(0, 12, title, { 'font-weight': 'bold' }), ...marks, ...lines].join(''),
  };
}

function range({ driver: name, p50, p99, p999 }, driver, x, y) {
  const color = { stroke: colorOf(name), 'stroke-opacity': opacityOf(driver) };
  return [
    label(NAMES - 8, y + 4, driver.title, {
      'text-anchor': 'end',
      'font-size': 11,
      'font-weight': weightOf(driver),
    }),
    stroke(x(p99), y, x(p999), y, { ...color, 'stroke-width': 1.5 }),
    stroke(x(p50), y, x(p99), y, { ...color, 'stroke-width': 5 }),
    element('circle', { cx: x(p50), cy: y, r: 4.5, fill: colorOf(name), 'fill-opacity': opacityOf(driver) }),
  ].join('');
}
