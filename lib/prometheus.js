'use strict';

// The figures of databases as text for Prometheus, in its text format 0.0.4: base units, one family after the other.

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const STATES = ['ok', 'waiting', 'retrying', 'refusing', 'readonly', 'closed'];

// The limits of the histograms' buckets: powers of two microseconds, which are limits of the engine's buckets too.
const LIMITS_MS = Array.from({ length: 18 }, (_, i) => 2 ** (i + 8) / 1000);

const seconds = (ms) => ms / 1000;

/** Families with one series a database: name, type, help, and the figure. */
const FAMILIES = [
  ['writes_total', 'counter', 'Writes and deletes taken.', (f) => f.bufferedWrites],
  [
    'flushed_writes_total',
    'counter',
    'Writes and deletes brought to the shard files.',
    (f) => f.flushedWrites,
  ],
  [
    'logged_writes_total',
    'counter',
    'Writes and deletes that went through the log file.',
    (f) => f.walWrites,
  ],
  [
    'recovered_writes_total',
    'counter',
    'Writes and deletes recovered from the log at opening.',
    (f) => f.recoveredWrites,
  ],
  ['cache_hits_total', 'counter', 'Reads answered from the buffer or the cache.', (f) => f.cacheHits],
  ['cache_misses_total', 'counter', 'Reads that went to a shard file.', (f) => f.cacheMisses],
  ['retries_total', 'counter', 'Failures after which the same was tried again.', (f) => f.retries],
  ['errors_total', 'counter', 'Failures in the background.', (f) => f.errors],
  [
    'buffered_writes',
    'gauge',
    'Writes and deletes that are not in the shard files yet.',
    (f) => f.bufferSize,
  ],
  ['buffered_bytes', 'gauge', 'Bytes of writes that are not in the shard files yet.', (f) => f.bufferedBytes],
  [
    'oldest_unflushed_seconds',
    'gauge',
    'Age of the oldest write that is not in its shard file.',
    (f) => seconds(f.oldestAge),
  ],
  [
    'waiting_bytes',
    'gauge',
    'Bytes of writes that wait for room in the log, or for a thread that writes a slow one.',
    (f) => f.waitingBytes,
  ],
  ['log_used_bytes', 'gauge', 'Bytes of the log in use.', (f) => f.walBytes],
  ['log_size_bytes', 'gauge', 'Bytes of the log.', (f) => f.walSize],
  ['log_damaged_bytes', 'gauge', 'Bytes of the log found damaged at opening.', (f) => f.damagedBytes],
  ['cache_documents', 'gauge', 'Documents in the cache.', (f) => f.cacheSize],
  ['cache_bytes', 'gauge', 'Bytes in the cache.', (f) => f.cacheBytes],
  ['shards', 'gauge', 'Number of shards.', (f) => f.shardCount],
];

const HISTOGRAMS = [
  ['flush_duration_seconds', 'How long flushes that wrote something took.', (f) => f.flushTimes],
  ['sync_duration_seconds', 'How long syncs of the log took.', (f) => f.syncTimes],
];

/** Families with one series a shard. */
const SHARD_FAMILIES = [
  [
    'shard_flushed_writes_total',
    'counter',
    'Writes and deletes brought to the shard.',
    (s) => s.flushedWrites,
  ],
  ['shard_retries_total', 'counter', 'Failures after which the shard was tried again.', (s) => s.retries],
  ['shard_waiting_writes', 'gauge', 'Writes that a flush has begun to bring to it.', (s) => s.waitingWrites],
  ['shard_lag_seconds', 'gauge', 'Age of the oldest of these.', (s) => seconds(s.lag)],
  ['shard_failing', 'gauge', '1 while the shard cannot be written.', (s) => (s.error === null ? 0 : 1)],
];

/** @param {{ path: string, file?: string, figures: object | undefined }[]} instances without figures: closed */
function toPrometheus(instances) {
  const lines = [];
  const databases = eachOnce(instances);
  const open = databases.filter(({ figures }) => figures !== undefined);
  begin(lines, 'state', 'gauge', 'How the database is: 1 for its state, 0 for the others.');
  for (const { path, figures } of databases) {
    const state = figures?.state ?? 'closed';
    for (const name of STATES) add(lines, 'state', { database: path, state: name }, name === state ? 1 : 0);
  }
  if (open.length > 0) addOpen(lines, open);
  return `${lines.join('\n')}\n`;
}

/** Instances of one database share its engine, and Prometheus takes a series once. Closed is what all of them have closed. */
function eachOnce(instances) {
  const open = new Set(instances.filter(({ figures }) => figures !== undefined).map(({ path }) => path));
  const told = new Set();
  return instances.filter(({ path, file, figures }) => {
    if (figures === undefined && open.has(path)) return false;
    // What is open is told by its file: a path may be spelt in several ways.
    const key = figures === undefined ? path : file;
    return !told.has(key) && told.add(key);
  });
}

function addOpen(lines, databases) {
  for (const [name, type, help, figureOf] of FAMILIES) {
    begin(lines, name, type, help);
    for (const { path, figures } of databases) add(lines, name, { database: path }, figureOf(figures));
  }
  for (const [name, help, timesOf] of HISTOGRAMS) {
    begin(lines, name, 'histogram', help);
    for (const { path, figures } of databases) addHistogram(lines, name, path, timesOf(figures));
  }
  for (const [name, type, help, figureOf] of SHARD_FAMILIES) {
    begin(lines, name, type, help);
    for (const { path, figures } of databases) {
      for (const shard of figures.shards) {
        add(lines, name, { database: path, shard: shard.shard }, figureOf(shard));
      }
    }
  }
}

function begin(lines, name, type, help) {
  lines.push(`# HELP kimdb_${name} ${help}`, `# TYPE kimdb_${name} ${type}`);
}

function add(lines, name, labels, value) {
  const text = Object.entries(labels).map(([label, of]) => `${label}="${escapeLabel(String(of))}"`);
  lines.push(`kimdb_${name}{${text.join(',')}} ${value}`);
}

function addHistogram(lines, name, database, { count, total, limits, counts }) {
  let next = 0;
  let below = 0;
  for (const limit of LIMITS_MS) {
    while (next < limits.length && limits[next] <= limit) below += counts[next++];
    add(lines, `${name}_bucket`, { database, le: seconds(limit) }, below);
  }
  add(lines, `${name}_bucket`, { database, le: '+Inf' }, count);
  add(lines, `${name}_sum`, { database }, seconds(total));
  add(lines, `${name}_count`, { database }, count);
}

const escapeLabel = (text) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

module.exports = { CONTENT_TYPE, toPrometheus };
