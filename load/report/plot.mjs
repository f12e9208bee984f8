// The first round over time: a panel for latency, event loop and memory, a line a store.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scaleLinear, scaleLog } from 'd3-scale';
import { line as lineThrough } from 'd3-shape';
import { columnWidth, frame } from '../../benchmark/plots/frame.mjs';
import { element, label, rect, stroke } from '../../benchmark/plots/svg.mjs';
import { colorOf as colorOfDriver, GRID, weightOf } from '../../benchmark/plots/theme.mjs';
import { duration, figure } from '../../benchmark/support/format.mjs';
import { NEW, OLD } from '../stores/index.mjs';

export const PLOT = 'load.svg';

const WIDTH = columnWidth(1);
const LEFT = 56;
const TOP = 26;
const HEIGHT = 190;
const LEGEND = 18;
const MIB = 2 ** 20;

/** The benchmark's blues lie close to each other, and here are fewer lines. */
const colorOf = (store) => (store === OLD ? '#d9822b' : colorOfDriver(store));

const ms = (milliseconds) => duration(milliseconds * 1000);
const PANELS = [
  {
    title: 'Slowest answer in each quarter of a second',
    of: ({ latency }) => (latency === null ? null : latency?.max),
    isLog: true,
    text: ms,
  },
  {
    title: 'Longest delay of the event loop in each quarter of a second',
    of: ({ loop }) => (loop === null ? null : loop?.max),
    isLog: true,
    text: ms,
  },
  {
    title: 'Memory of the server, MB',
    of: ({ rss }) => (rss === undefined ? undefined : rss / MIB),
    isLog: false,
    text: figure,
  },
];

export function drawPlot(report, folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, PLOT), `${loadPlot(report)}\n`);
}

function loadPlot({ runs, stores, size, machine }) {
  const { connections, rate } = size;
  const shown = runs.filter(({ round }) => round === 0);
  return frame({
    title: `${figure(connections)} connections`,
    subtitle: `Less is better. ${figure(rate)} requests a second, one in five a write; then bursts, in which all connections write at once.`,
    panels: [...PANELS.map((one) => panel(one, shown)), legend(stores)],
    columns: 1,
    machine,
  });
}

function panel({ title, of, isLog, text }, runs) {
  const lines = runs.map((run) => ({ store: run.store, points: pointsOf(run, of) }));
  const values = lines
    .flatMap(({ points }) => points.map(({ value }) => value))
    .filter((value) => value !== null);
  const end = Math.max(...runs.map(({ mix, burst }) => (burst.to - mix.from) / 1000));
  const x = scaleLinear([0, end], [LEFT, WIDTH - 8]);
  const y = isLog
    ? scaleLog(powersAround(values), [HEIGHT, TOP])
    : scaleLinear([0, Math.max(...values)], [HEIGHT, TOP]).nice(4);
  const ticks = isLog ? y.ticks().filter((tick) => Number.isInteger(Math.log10(tick))) : y.ticks(4);
  const path = lineThrough()
    .defined(({ value }) => value !== null)
    .x(({ at }) => x(at))
    .y(({ value }) => y(value))
    .digits(1);
  return {
    height: HEIGHT + 20,
    content: [
      label(0, 12, title, { 'font-weight': 'bold' }),
      ...burstMarks(runs[0], x),
      ...ticks.map((tick) => stroke(LEFT, y(tick), WIDTH - 8, y(tick), { stroke: GRID })),
      ...ticks.map((tick) =>
        label(LEFT - 6, y(tick) + 4, text(tick), { 'text-anchor': 'end', 'font-size': 10 }),
      ),
      ...x
        .ticks(10)
        .map((tick) =>
          label(x(tick), HEIGHT + 14, `${tick} s`, { 'text-anchor': 'middle', 'font-size': 10 }),
        ),
      ...lines.flatMap(({ store, points }) => [
        element('path', {
          d: path(points),
          fill: 'none',
          stroke: colorOf(store),
          'stroke-width': store === NEW ? 2.5 : 1.5,
        }),
        // Between two bursts nothing is answered, so there is no line.
        ...points
          .filter(({ value }) => value !== null)
          .map(({ at, value }) =>
            element('circle', { cx: x(at), cy: y(value), r: 1.8, fill: colorOf(store) }),
          ),
      ]),
    ].join(''),
  };
}

/** The samples of the measured phases as { at, value }, in seconds from their start. */
function pointsOf({ mix, burst, samples }, of) {
  return samples
    .filter((sample) => of(sample) !== undefined && sample.at >= mix.from && sample.at <= burst.to)
    .map((sample) => ({ at: (sample.at - mix.from) / 1000, value: of(sample) }));
}

function powersAround(values) {
  const least = Math.floor(Math.log10(Math.min(...values)));
  const most = Math.max(Math.ceil(Math.log10(Math.max(...values))), least + 1);
  return [10 ** least, 10 ** most];
}

/** Where the bursts are. */
function burstMarks({ mix, burst }, x) {
  const from = x((burst.from - mix.from) / 1000);
  const to = x((burst.to - mix.from) / 1000);
  return [
    rect(from, TOP, to - from, HEIGHT - TOP, { fill: GRID, 'fill-opacity': 0.4 }),
    label(from + 6, TOP + 12, 'bursts', { 'font-size': 10 }),
  ];
}

function legend(stores) {
  let x = 0;
  const entries = stores.map((store) => {
    const entry = [
      rect(x, 2, 12, 12, { fill: colorOf(store.name) }),
      label(x + 18, 12, store.title, { 'font-weight': weightOf(store) }),
    ].join('');
    x += 40 + store.title.length * 7;
    return entry;
  });
  return { height: LEGEND, content: entries.join('') };
}
