// What the size of the database does: a panel for cost, memory and opening, a line a driver.
import { scaleLinear, scaleLog } from 'd3-scale';
import { line as lineThrough } from 'd3-shape';
import { figure, shortFigure } from '../support/format.mjs';
import { columnWidth, frame } from './frame.mjs';
import { element, label, rect, stroke } from './svg.mjs';
import { colorOf, GRID, weightOf } from './theme.mjs';

const COLUMNS = 3;
const WIDTH = columnWidth(COLUMNS);
const LEFT = 48;
const RIGHT = 16;
const TOP = 26;
const HEIGHT = 220;
const LEGEND = 18;

export function growthPlot({ workloads, drivers, machine }) {
  const grow = workloads.find(({ name }) => name === 'grow');
  if (!grow || grow.rows.length === 0) return undefined;
  const groups = [...new Set(Object.values(grow.lines).map(({ group }) => group))];
  const panels = groups.map((group) => panel(group, pointsOf(grow, group)));
  const present = drivers.filter(({ name }) => grow.rows.some(({ driver }) => driver === name));
  return frame({
    title: 'Growth',
    subtitle:
      'Less is better, level is best. Documents in the database from left to right, on a logarithmic scale.',
    panels: [...panels, legend(present)],
    columns: COLUMNS,
    machine,
  });
}

/** The points of each driver: { driver: [{ size, value }] }. */
function pointsOf({ lines, rows }, group) {
  const points = {};
  for (const { line, driver, median } of rows) {
    if (lines[line].group !== group) continue;
    points[driver] ??= [];
    points[driver].push({ size: lines[line].size, value: median });
  }
  return points;
}

function panel(title, points) {
  const all = Object.values(points).flat();
  const sizes = [...new Set(all.map(({ size }) => size))].sort((a, b) => a - b);
  const x = scaleLog([sizes[0], sizes[sizes.length - 1]], [LEFT + 8, WIDTH - RIGHT]);
  const most = Math.max(...all.map(({ value }) => value));
  const y = scaleLinear([0, most], [HEIGHT, TOP]).nice(5);
  const path = lineThrough()
    .x(({ size }) => x(size))
    .y(({ value }) => y(value));
  const marks = [
    ...y.ticks(5).map((tick) => stroke(LEFT, y(tick), WIDTH - RIGHT + 6, y(tick), { stroke: GRID })),
    ...y
      .ticks(5)
      .map((tick) => label(LEFT - 6, y(tick) + 4, figure(tick), { 'text-anchor': 'end', 'font-size': 10 })),
    ...sizes.map((size) =>
      label(x(size), HEIGHT + 16, shortFigure(size), { 'text-anchor': 'middle', 'font-size': 10 }),
    ),
  ];
  const lines = Object.entries(points).map(([driver, own]) =>
    [
      element('path', {
        d: path.digits(1)(own),
        fill: 'none',
        stroke: colorOf(driver),
        'stroke-width': driver === 'kimdb' ? 3 : 1.5,
      }),
      ...own.map(({ size, value }) =>
        element('circle', { cx: x(size), cy: y(value), r: 3, fill: colorOf(driver) }),
      ),
    ].join(''),
  );
  return {
    height: HEIGHT + 24,
    content: [label(0, 12, title, { 'font-weight': 'bold' }), ...marks, ...lines].join(''),
  };
}

function legend(drivers) {
  let x = 0;
  const entries = drivers.map((driver) => {
    const entry = [
      rect(x, 2, 12, 12, { fill: colorOf(driver.name) }),
      label(x + 18, 12, driver.title, { 'font-weight': weightOf(driver) }),
    ].join('');
    x += 40 + driver.title.length * 7;
    return entry;
  });
  return { height: LEGEND, content: entries.join('') };
}
