'use strict';

// Asks for the figures each second while the page is seen, and shows them.

const EVERY_MS = 1000;
const PATIENCE_MS = 10_000;

const STATES = {
  ok: ['OK', ''],
  waiting: ['Log full', 'Writes wait for room in the log.'],
  retrying: ['Retrying', 'A shard cannot be written. It is tried again; nothing is dropped.'],
  refusing: ['Refusing writes', 'The log cannot be written. Another file for it is tried again and again.'],
  readonly: ['Read-only', 'Writes fail until the database is opened again.'],
  unopened: ['Not open yet', 'The program has not opened the database: call init() first (KIMDB_NOT_OPEN).'],
  closed: ['Closed', 'This process has the database closed.'],
  lost: ['No connection', 'The server does not answer. It is asked again.'],
};

// Tiles

const TILES = [
  ['Writes per second', (v) => said(v.taken, count), (f) => `${count(f.bufferedWrites)} since opening`],
  [
    'Reads per second',
    (v) => said(v.hits === undefined ? undefined : v.hits + v.misses, count),
    (f) => `${count(f.cacheHits + f.cacheMisses)} since opening`,
  ],
  [
    'Cache hit rate',
    (v) => said(v.hitRate, share),
    (f) => `${count(f.cacheSize)} documents, ${bytes(f.cacheBytes)}`,
  ],
  ['Not flushed yet', (_, f) => count(f.bufferSize), (f) => `writes, ${bytes(f.bufferedBytes)}`],
  [
    'Oldest unflushed',
    (v) => duration(v.age),
    (f) => (f.waitingBytes > 0 ? `${bytes(f.waitingBytes)} wait for room` : ''),
  ],
  ['Log in use', (v) => share(v.log), (f) => `of ${bytes(f.walSize)}`],
];

const tiles = TILES.map(([title]) => {
  const value = make('p', { class: 'value' }, '–');
  const more = make('p', { class: 'more' });
  of('tiles').append(make('div', { class: 'tile' }, make('h3', {}, title), value, more));
  return { value, more };
});

function showTiles(figures, values) {
  TILES.forEach(([, textOf, moreOf], i) => {
    tiles[i].value.textContent = textOf(values, figures);
    tiles[i].more.textContent = moreOf(figures);
  });
}

// Plots

const PLOTS = [
  [
    'Writes per second',
    count,
    [
      ['taken', 'taken'],
      ['flushed', 'flushed'],
    ],
  ],
  [
    'Reads per second',
    count,
    [
      ['hits', 'memory'],
      ['misses', 'shards'],
    ],
  ],
  ['Cache hit rate', share, [['hitRate', '']], 100],
  ['Log in use', share, [['log', '']], 100],
  ['Bytes not flushed yet', bytes, [['buffered', '']]],
  ['Age of the oldest unflushed write', duration, [['age', '']]],
  [
    'Time of a flush',
    duration,
    [
      ['flush50', 'median'],
      ['flush99', '99 %'],
    ],
  ],
  [
    'Time of a sync of the log',
    duration,
    [
      ['sync50', 'median'],
      ['sync99', '99 %'],
    ],
  ],
];

const plots = PLOTS.map((plot) => new Plot(plot));
of('plots').append(...plots.map(({ element }) => element));

function showPlots() {
  const [from, to] = shown();
  const seen = samplesSince(from);
  for (const plot of plots) plot.show(seen, from, to);
}

function point(time) {
  if (time === reader.at) return;
  reader.at = time;
  showPlots();
}

// Shards and errors

function showShards({ shards, rows }) {
  const known = rows ?? [];
  const total = known.reduce((sum, number) => sum + number, 0);
  of('shards-text').textContent = rows
    ? `${whole.format(total)} ${total === 1 ? 'document' : 'documents'}, counted now and then`
    : '';
  const most = Math.max(1, ...shards.map(({ flushedWrites }) => flushedWrites));
  of('shards').tBodies[0].replaceChildren(
    ...shards.map((shard) => shardRow(shard, known[shard.shard], most)),
  );
}

function shardRow({ shard, flushedWrites, waitingWrites, lag, retries, error }, documents, most) {
  const bar = make('i');
  bar.style.width = `${(100 * flushedWrites) / most}%`;
  const flushed = make(
    'td',
    {},
    whole.format(flushedWrites),
    make('span', { class: 'share', 'aria-hidden': 'true' }, bar),
  );
  const state = make('td', { class: error ? 'text bad' : 'text' }, error ? error.code : 'OK');
  if (error) state.title = error.message;
  return row('th', String(shard), [
    said(documents, (number) => whole.format(number)),
    flushed,
    whole.format(waitingWrites),
    duration(lag),
    whole.format(retries),
    state,
  ]);
}

function showErrors({ recentErrors, errors }) {
  const items = inRuns(recentErrors.toReversed()).map(({ time, code, message, times }) => {
    const when = new Date(time);
    const text = `${when.toLocaleDateString('en-CA')} ${clock(time)}`;
    const more = times > 1 ? ` (${times} times)` : '';
    return make(
      'li',
      {},
      make('time', { datetime: when.toISOString() }, text),
      make('code', {}, code),
      message + more,
    );
  });
  const older = errors - recentErrors.length;
  if (older > 0) items.push(make('li', { class: 'none' }, `and ${whole.format(older)} before`));
  of('errors').replaceChildren(
    ...(items.length > 0 ? items : [make('li', { class: 'none' }, 'None since opening')]),
  );
}

/** Errors of which each that is as the one before it is only counted. */
function inRuns(errors) {
  const runs = [];
  for (const error of errors) {
    const last = runs.at(-1);
    if (last?.code === error.code && last.message === error.message) last.times++;
    else runs.push({ ...error, times: 1 });
  }
  return runs;
}

// The state, and asking for it

function showState(state, more) {
  const [name, text] = STATES[state] ?? [state, ''];
  const badge = of('state');
  if (badge.dataset.state === state && of('state-text').textContent === (more ?? text)) return;
  badge.dataset.state = state;
  of('state-name').textContent = name;
  of('state-text').textContent = more ?? text;
}

function show(answer) {
  showState(answer.state);
  of('version').textContent = answer.version;
  of('database').textContent = answer.database;
  document.title = `${answer.state === 'ok' ? '' : `${STATES[answer.state]?.[0] ?? answer.state} – `}kimdb`;
  of('updated').textContent = `Updated ${clock(answer.time)}`;
  if (hasFigures(answer)) {
    const sample = sampleOf(answer, before);
    samples.push(sample);
    if (samples.length > MOST_SAMPLES) samples.shift();
    showTiles(answer, sample.values);
    showShards(answer);
    showErrors(answer);
  }
  before = answer;
  showPlots();
}

async function ask() {
  try {
    const response = await fetch('metrics.json', { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!response.ok) throw new Error(`The server answers ${response.status}. It is asked again.`);
    show(await response.json());
  } catch (error) {
    showState('lost', error.message.startsWith('The server') ? error.message : undefined);
    document.title = 'No connection – kimdb';
  }
}

let isAsking = false;

/** Asks each second, one after the other, as long as the page is seen. */
async function follow() {
  if (isAsking) return;
  isAsking = true;
  while (!document.hidden) {
    const start = performance.now();
    await ask();
    await new Promise((resolve) =>
      setTimeout(resolve, Math.max(EVERY_MS - (performance.now() - start), 100)),
    );
  }
  isAsking = false;
}

of('span').addEventListener('change', showPlots);
of('as-tables').addEventListener('click', ({ currentTarget }) => {
  reader.wantsTables = !reader.wantsTables;
  currentTarget.setAttribute('aria-pressed', String(reader.wantsTables));
  showPlots();
});
new ResizeObserver(showPlots).observe(of('plots'));
document.addEventListener('visibilitychange', follow);
follow();
