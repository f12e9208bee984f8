'use strict';

// One plot: lines over time, the values under the pointer or chosen by the keyboard, or a table.

// A longer pause between two samples is a gap in the lines.
const GAP_S = 5;
const TABLE_ROWS = 60;
const HEIGHT = 150;
const MARGIN = { top: 8, right: 4, bottom: 20 };
const LETTER = 6.3;

/** What the reader wants of all plots: tables, and the values of a time that is pointed at. */
const reader = { wantsTables: false, at: undefined };
const ears = make('p', { class: 'for-ears', 'aria-live': 'polite' });
document.body.append(ears);

class Plot {
  constructor([title, format, series, most]) {
    Object.assign(this, { title, format, series, most });
    this.legend = make('p', { class: 'legend' });
    this.nows = series.map(([, name], i) => {
      const now = make('b', {}, '–');
      const key = series.length > 1 ? [make('i', { class: `key series-${i}` }), `${name} `] : [];
      this.legend.append(make('span', {}, ...key, now));
      return now;
    });
    this.canvas = make('div', { class: 'canvas', tabindex: '0', role: 'img' });
    this.tip = make('div', { class: 'tip', hidden: '' });
    this.table = make('div', {
      class: 'scroll',
      tabindex: '0',
      role: 'region',
      'aria-label': title,
      hidden: '',
    });
    this.element = make(
      'figure',
      { class: 'plot' },
      make('figcaption', {}, make('h3', {}, title), this.legend),
      this.canvas,
      this.table,
    );
    this.canvas.addEventListener('pointermove', (event) => this.#point(event));
    this.canvas.addEventListener('pointerleave', () => point(undefined));
    this.canvas.addEventListener('blur', () => point(undefined));
    this.canvas.addEventListener('keydown', (event) => this.#step(event));
  }

  show(seen, from, to) {
    const newest = seen.at(-1)?.values ?? {};
    this.series.forEach(([name], i) => {
      this.nows[i].textContent = said(newest[name], this.format);
    });
    this.canvas.hidden = reader.wantsTables;
    this.table.hidden = !reader.wantsTables;
    if (reader.wantsTables) this.#tabulate(seen);
    else this.#draw(seen, from, to);
  }

  #draw(seen, from, to) {
    const width = this.canvas.clientWidth;
    if (width === 0) return;
    const highest = Math.max(
      0,
      ...this.series.flatMap(([name]) => seen.map(({ values }) => values[name] ?? 0)),
    );
    const ticks = ticksUpTo(this.most ?? highest, this.format);
    const top = ticks.at(-1);
    const labels = ticks.map(this.format);
    const left = Math.ceil(Math.max(...labels.map((text) => text.length)) * LETTER) + 6;
    const x = (time) => left + ((time - from) / (to - from)) * (width - left - MARGIN.right);
    this.timeAt = (at) => from + ((at - left) / (width - left - MARGIN.right)) * (to - from);
    const y = (value) => HEIGHT - MARGIN.bottom - (value / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    const svg = draw('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, 'aria-hidden': 'true' });
    for (const tick of ticks) {
      const at = Math.round(y(tick)) + 0.5;
      svg.append(draw('line', { x1: left, x2: width - MARGIN.right, y1: at, y2: at }));
    }
    ticks.forEach((tick, i) => {
      svg.append(draw('text', { x: left - 6, y: y(tick) + 4, 'text-anchor': 'end' }, labels[i]));
    });
    this.series.forEach(([name], i) => {
      svg.append(
        this.#line(
          seen.map(({ time, values }) => [time, values[name]]),
          x,
          y,
          i,
        ),
      );
    });
    const last = { x: width - MARGIN.right, y: HEIGHT - 5, 'text-anchor': 'end' };
    svg.append(draw('text', { x: left, y: HEIGHT - 5 }, clock(from)), draw('text', last, clock(to)));
    this.#cross(svg, seen, x, y, width);
    this.canvas.replaceChildren(svg, this.tip);
    const unit = this.series.map(([name, label], i) => {
      const most = Math.max(0, ...seen.map(({ values }) => values[name] ?? 0));
      return `${label} now ${this.nows[i].textContent}, at most ${this.format(most)}`;
    });
    this.canvas.setAttribute(
      'aria-label',
      `${this.title} since ${clock(from)}: ${unit.join('; ').trim()}. Left and right arrow read single values.`,
    );
  }

  #line(points, x, y, index) {
    const group = draw('g', { class: `series-${index}` });
    for (const run of runsOf(points)) {
      const path = run.map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`).join('L');
      const [start, end] = [x(run[0][0]), x(run.at(-1)[0])].map((at) => at.toFixed(1));
      if (run.length === 1) {
        group.append(draw('circle', { cx: start, cy: y(run[0][1]), r: 3 }));
        continue;
      }
      if (index === 0) {
        group.append(draw('path', { class: 'area', d: `M${start},${y(0)}L${path}L${end},${y(0)}Z` }));
      }
      group.append(draw('path', { class: 'line', d: `M${path}` }));
    }
    return group;
  }

  #cross(svg, seen, x, y, width) {
    const sample = reader.at === undefined ? undefined : nearest(seen, reader.at);
    this.tip.hidden = sample === undefined;
    if (sample === undefined) return;
    const at = x(sample.time);
    svg.append(draw('line', { class: 'cross', x1: at, x2: at, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }));
    this.series.forEach(([name], i) => {
      const value = sample.values[name];
      if (value === null || value === undefined) return;
      svg.append(draw('g', { class: `series-${i}` }, draw('circle', { cx: at, cy: y(value), r: 4 })));
    });
    this.tip.replaceChildren(make('time', {}, clock(sample.time)), ...this.#readings(sample));
    const isRight = at > width / 2;
    this.tip.style.left = isRight ? 'auto' : `${at + 10}px`;
    this.tip.style.right = isRight ? `${width - at + 10}px` : 'auto';
  }

  #readings({ values }) {
    return this.series.map(([name, label], i) => {
      const key = label === '' ? [] : [make('i', { class: `key series-${i}` }), `${label} `];
      return make('div', {}, ...key, make('b', {}, said(values[name], this.format)));
    });
  }

  #tabulate(seen) {
    const heads = ['Time', ...this.series.map(([, label]) => label || 'Value')];
    const rows = seen
      .slice(-TABLE_ROWS)
      .reverse()
      .map(({ time, values }) =>
        row(
          'th',
          clock(time),
          this.series.map(([name]) => said(values[name], this.format)),
        ),
      );
    const head = make('tr', {}, ...heads.map((text) => make('th', { scope: 'col' }, text)));
    this.table.replaceChildren(make('table', {}, make('thead', {}, head), make('tbody', {}, ...rows)));
  }

  #point(event) {
    point(this.timeAt(event.clientX - this.canvas.getBoundingClientRect().left));
  }

  #step(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -MOST_SAMPLES, End: MOST_SAMPLES }[event.key];
    if (event.key === 'Escape') point(undefined);
    if (by === undefined || samples.length === 0) return;
    event.preventDefault();
    const seen = samplesSince(shown()[0]);
    const index = reader.at === undefined ? seen.length - 1 : seen.indexOf(nearest(seen, reader.at)) + by;
    const sample = seen[Math.min(Math.max(index, 0), seen.length - 1)];
    point(sample.time);
    const readings = this.series.map(([name, label]) => `${label} ${said(sample.values[name], this.format)}`);
    ears.textContent = `${clock(sample.time)}: ${readings.join(', ')}`;
  }
}

/** Round numbers from 0 to at least `most`. */
function ticksUpTo(most, format) {
  if (format === share) return [0, 50, 100];
  const base = format === bytes ? 1024 ** Math.max(0, Math.floor(Math.log2(most || 1) / 10)) : 1;
  const scaled = Math.max(most / base, format === duration ? 1 : 2);
  const step = 10 ** Math.floor(Math.log10(scaled / 4));
  const size = [1, 2, 2.5, 5, 10].map((factor) => factor * step).find((size) => size * 4 >= scaled);
  return Array.from({ length: Math.ceil(scaled / size) + 1 }, (_, i) => i * size * base);
}

/** Pieces of a line between gaps. */
function runsOf(points) {
  const runs = [];
  let last;
  for (const [time, value] of points) {
    const isMissing = value === null || value === undefined;
    if (!isMissing && last !== undefined && time - last <= GAP_S * 1000) runs.at(-1).push([time, value]);
    else if (!isMissing) runs.push([[time, value]]);
    last = isMissing ? undefined : time;
  }
  return runs;
}
