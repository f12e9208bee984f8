// Bars: how much each driver does in a second. A panel a line of the results, each with a scale of its own.
import { scaleLinear } from 'd3-scale';
import { shortFigure } from '../support/format.mjs';
import { isGrid } from '../support/tables.mjs';
import { columnWidth, frame } from './frame.mjs';
import { label, rect, stroke } from './svg.mjs';
import { colorOf, GRID, opacityOf, TEXT, weightOf } from './theme.mjs';

const COLUMNS = 3;
const WIDTH = columnWidth(COLUMNS);
const NAMES = 106;
const VALUES = 52;
const BAR = 12;
const STEP = 18;
const HEAD = 26;

export function throughputPlot({ workloads, drivers, machine }) {
  const rates = workloads.filter((workload) => !isGrid(workload));
  const panels = rates.flatMap((workload) =>
    Object.entries(workload.lines)
      .map(([line, { title, unit }]) => {
        const rows = workload.rows.filter((row) => row.line === line);
        return { title: `${workload.name}: ${title}`, unit, rows };
      })
      // A lone bar compares nothing.
      .filter(({ rows }) => rows.length > 1)
      .map((one) => panel(one, drivers)),
  );
  if (panels.length === 0) return undefined;
  return frame({
    title: 'Throughput',
    subtitle: 'More is better. Bars are medians, thin lines go from the slowest round to the fastest.',
    panels,
    columns: COLUMNS,
    machine,
  });
}

function panel({ title, unit, rows }, drivers) {
  const byName = (name) => drivers.find((driver) => driver.name === name);
  // A limit may be far beyond what any store can do; its bar is cut, so that the others stay readable.
  const stores = rows.filter(({ driver }) => !byName(driver).isLimit);
  const most = Math.max(...(stores.length > 0 ? stores : rows).map(({ max }) => max));
  const x = scaleLinear([0, most], [NAMES, WIDTH - VALUES]).clamp(true);
  const bars = rows.map((row, i) => bar(row, byName(row.driver), x, HEAD + i * STEP, most));
  const height = HEAD + rows.length * STEP;
  return {
    height,
    content: [
      label(0, 12, title, { 'font-weight': 'bold' }),
      label(WIDTH, 12, unit, { 'text-anchor': 'end', 'font-size': 11 }),
      stroke(NAMES, HEAD - 4, NAMES, height - 2, { stroke: GRID }),
      ...bars,
    ].join(''),
  };
}

function bar({ driver: name, median, min, max }, driver, x, y, most) {
  const middle = y + BAR / 2;
  const isCut = median > most;
  const end = x(median);
  return [
    label(NAMES - 6, middle + 4, driver.title, {
      'text-anchor': 'end',
      'font-size': 11,
      'font-weight': weightOf(driver),
    }),
    rect(NAMES, y, end - NAMES, BAR, { fill: colorOf(name), 'fill-opacity': opacityOf(driver) }),
    isCut ? '' : stroke(x(min), middle, x(max), middle, { stroke: TEXT }),
    label(Math.max(end, x(max)) + 5, middle + 4, `${shortFigure(median)}${isCut ? ' »' : ''}`, {
      'font-size': 11,
      'font-weight': weightOf(driver),
    }),
  ].join('');
}
