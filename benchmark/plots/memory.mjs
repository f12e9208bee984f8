// What a soak run held: memory of the process, memory of the engine, and files, over time.
// Only what Node.js has: who soaks need not install the benchmark.
import { columnWidth, frame } from './frame.mjs';
import { element, label, rect, stroke } from './svg.mjs';
import { GRID } from './theme.mjs';

const COLUMNS = 2;
const WIDTH = columnWidth(COLUMNS);
const LEFT = 52;
const TOP = 26;
const HEIGHT = 210;
const LEGEND = 24;
/** A line has not more points than this: each is the largest value of its part of the run. */
const POINTS = 240;
const TICKS = 4;
const COLORS = ['#2f81f7', '#d9822b', '#3fa45b', '#a371d7', '#8b949e'];
const MIB = 2 ** 20;
const GIB = 2 ** 30;

const PANELS = [
  {
    title: 'Process, MiB',
    unit: MIB,
    lines: { rss: 'resident', anonymous: 'not from files', heapUsed: 'JavaScript' },
  },
  {
    title: 'Engine, MiB',
    unit: MIB,
    lines: {
      memoryBytes: 'in all',
      cacheBytes: 'cache',
      sqliteBytes: 'SQLite',
      waitingBytes: 'waiting',
      indexBytes: 'index',
    },
  },
  { title: 'Files, GiB', unit: GIB, lines: { disk: 'all files' } },
  { title: 'Documents, million', unit: 1e6, lines: { keys: 'ever written', bufferSize: 'buffered' } },
];

/** `huge`: bytes of the largest values. */
export function memoryPlot({ samples, huge, machine }) {
  const minutes = samples.at(-1).seconds / 60;
  const time = minutes < 2 ? `${(minutes * 60).toFixed(0)} seconds` : `${minutes.toFixed(0)} minutes`;
  return frame({
    title: 'Memory over time',
    subtitle: `Writes faster than the disk takes them, for ${time} (left to right); values from 1 byte to ${huge / 1e6} MB.`,
    panels: PANELS.map((panel) => draw(panel, samples, minutes)),
    columns: COLUMNS,
    machine,
  });
}

function draw({ title, unit, lines }, samples, minutes) {
  const series = Object.keys(lines).map((name) => thin(samples, name, unit));
  const most = roundUp(Math.max(...series.flat().map(({ value }) => value), 0.001));
  const x = (at) => LEFT + (at / minutes) * (WIDTH - LEFT);
  const y = (value) => HEIGHT - (value / most) * (HEIGHT - TOP);
  const ticks = Array.from({ length: TICKS + 1 }, (_, i) => (i * most) / TICKS);
  const marks = ticks.flatMap((tick) => [
    stroke(LEFT, y(tick), WIDTH, y(tick), { stroke: GRID }),
    label(LEFT - 6, y(tick) + 4, String(Number(tick.toPrecision(3))), {
      'text-anchor': 'end',
      'font-size': 10,
    }),
  ]);
  const paths = series.map((points, i) =>
    element('polyline', {
      points: points.map(({ minute, value }) => `${x(minute).toFixed(1)},${y(value).toFixed(1)}`).join(' '),
      fill: 'none',
      stroke: COLORS[i],
      'stroke-width': i === 0 ? 2 : 1.3,
    }),
  );
  const axis = [0, 0.5, 1].map((share) =>
    label(x(share * minutes), HEIGHT + 16, `${(share * minutes).toFixed(minutes < 10 ? 1 : 0)} min`, {
      'text-anchor': share === 0 ? 'start' : share === 1 ? 'end' : 'middle',
      'font-size': 10,
    }),
  );
  return {
    height: HEIGHT + LEGEND + 20,
    content: [
      label(0, 12, title, { 'font-weight': 'bold' }),
      ...marks,
      ...paths,
      ...axis,
      ...legend(Object.values(lines)),
    ].join(''),
  };
}

function legend(names) {
  let x = LEFT;
  return names.map((name, i) => {
    const y = HEIGHT + LEGEND + 4;
    const entry = rect(x, y, 10, 10, { fill: COLORS[i] }) + label(x + 14, y + 9, name, { 'font-size': 10 });
    x += 30 + name.length * 6;
    return entry;
  });
}

/** The largest value of each part of the run. */
function thin(samples, name, unit) {
  const each = Math.max(1, Math.ceil(samples.length / POINTS));
  const points = [];
  for (let from = 0; from < samples.length; from += each) {
    const some = samples.slice(from, from + each);
    const value = Math.max(...some.map((sample) => sample[name] ?? 0)) / unit;
    points.push({ minute: some.at(-1).seconds / 60, value });
  }
  return points;
}

/** A number whose quarters are round. */
function roundUp(value) {
  const step = 10 ** Math.floor(Math.log10(value));
  return [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10].find((factor) => factor * step >= value) * step;
}
