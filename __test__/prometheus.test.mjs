// Text for Prometheus: what its parser asks for, what its conventions ask for, and that the figures are right.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { HyperScaleDB } from 'kimdb/hyperscale';
import { toPrometheus } from 'kimdb/monitor';
import { runModule } from './helpers/child.mjs';
import { manualFlush, openHyper, openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { parseExposition } from './helpers/exposition.mjs';
import { readPage } from './helpers/pages.mjs';

/** A database that has done something. */
async function used(t, options) {
  const db = openSimple(t, { ...manualFlush, shardCount: 3, ...options });
  for (let i = 0; i < 20; i++) await db.set('users', `u${i}`, { i });
  await db.flush();
  await db.get('users', 'u1');
  await db.get('users', 'u1');
  await db.set('users', 'late', 1);
  return db;
}

const pathsOf = ({ db: { config } }) => ({ dbPath: config.dbPath, walPath: config.walPath });

const valuesOf = (families, name) => families.find((family) => family.name === name).samples;

test('a parser takes it', async (t) => {
  const families = parseExposition((await used(t)).toPrometheus());
  t.true(families.length > 20);
  for (const { name, type, help, samples } of families) {
    t.regex(name, /^kimdb_[a-z_]+$/);
    t.regex(help, /^[A-Z1].*\.$/);
    t.true(samples.length > 0, name);
    t.is(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
    t.false(/_(ms|milliseconds|kib|mib)\b/.test(name), `${name}: base units`);
    t.true(samples.every(({ value }) => value >= 0));
  }
});

test('the figures are those of stats()', async (t) => {
  const db = await used(t);
  const families = parseExposition(db.toPrometheus());
  const stats = db.stats({ shards: true });
  const one = (name) => valuesOf(families, `kimdb_${name}`)[0].value;
  t.is(one('writes_total'), 21);
  t.is(one('flushed_writes_total'), 20);
  t.is(one('buffered_writes'), 1);
  t.is(one('cache_hits_total'), stats.cacheHits);
  t.is(one('cache_misses_total'), stats.cacheMisses);
  t.is(one('buffered_bytes'), stats.bufferedBytes);
  t.is(one('log_used_bytes'), stats.walBytes);
  t.is(one('log_size_bytes'), stats.walSize);
  t.true(one('oldest_unflushed_seconds') <= stats.oldestAge / 1000);
  const states = valuesOf(families, 'kimdb_state').filter(({ value }) => value === 1);
  t.deepEqual(
    states.map(({ labels }) => labels.state),
    ['ok'],
  );
  const flushed = valuesOf(families, 'kimdb_shard_flushed_writes_total');
  t.deepEqual(
    flushed.map(({ labels, value }) => [labels.shard, value]),
    stats.shards.map(({ shard, flushedWrites }) => [String(shard), flushedWrites]),
  );
});

test('histograms add up', async (t) => {
  const db = await used(t);
  const families = parseExposition(db.toPrometheus());
  for (const [name, { count, max }] of Object.entries({
    kimdb_flush_duration_seconds: db.stats().flushTime,
    kimdb_sync_duration_seconds: db.stats().syncTime,
  })) {
    const samples = valuesOf(families, name);
    const buckets = samples.filter((sample) => sample.name.endsWith('_bucket'));
    const limits = buckets.map(({ labels }) => Number(labels.le.replace('+Inf', 'Infinity')));
    t.deepEqual(
      limits,
      limits.toSorted((a, b) => a - b),
    );
    t.is(limits.at(-1), Number.POSITIVE_INFINITY);
    const counts = buckets.map(({ value }) => value);
    t.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
      'each counts those below, too',
    );
    const [sum, total] = samples.slice(-2);
    t.is(sum.name, `${name}_sum`);
    t.deepEqual([total.name, total.value, counts.at(-1)], [`${name}_count`, count, count]);
    t.true(sum.value >= max / 1000 && sum.value <= (count * max) / 1000);
    // All are in the bucket of the longest.
    t.is(counts[limits.findIndex((limit) => limit >= max / 1000)], count);
  }
});

const onWindows = process.platform === 'win32';
(onWindows ? test.skip : test)('whatever a path has in it is told', async (t) => {
  const folder = join(useFolder(t), 'a "quoted"\\ folder\nwith {lines}, 데이터');
  mkdirSync(folder);
  const db = await used(t, pathsIn(folder));
  const [{ samples }] = parseExposition(db.toPrometheus());
  t.is(samples[0].labels.database, join(folder, 'test.db'));
});

test('the path is that of the files, wherever the process has gone since', async (t) => {
  const folder = useFolder(t);
  const source = `
    import SimpleDB from 'kimdb/hyperscale';
    import { toPrometheus } from 'kimdb/monitor';
    const db = new SimpleDB();
    const texts = () => [db.toPrometheus(), toPrometheus(db)].map((text) => /database="(.*?)"/.exec(text)[1]);
    const before = texts();
    process.chdir('..');
    console.log(JSON.stringify([...before, ...texts()]));
    db.close();
  `;
  const { code, lines, stderr } = await runModule(t, folder, source);
  t.deepEqual([code, stderr], [0, '']);
  const paths = JSON.parse(lines[0]);
  t.deepEqual(paths, Array(4).fill(paths[0]));
});

test('several databases are one text', async (t) => {
  const [a, b] = [await used(t), openHyper(t, manualFlush)];
  const closed = new HyperScaleDB(pathsIn(useFolder(t)));
  const families = parseExposition(toPrometheus(a, b, closed));
  const writes = valuesOf(families, 'kimdb_writes_total');
  t.deepEqual(
    writes.map(({ labels, value }) => [labels.database, value]),
    [
      [a.db.config.dbPath, 21],
      [b.config.dbPath, 0],
    ],
  );
  const states = valuesOf(families, 'kimdb_state').filter(({ value }) => value === 1);
  t.deepEqual(
    states.map(({ labels }) => labels.state),
    ['ok', 'ok', 'closed'],
  );
});

test('several instances of one database are told once, and closed when the last one is', async (t) => {
  const a = await used(t);
  const b = openHyper(t, { ...manualFlush, ...pathsOf(a) });
  const told = () => {
    const families = parseExposition(toPrometheus(a, b, a));
    const states = valuesOf(families, 'kimdb_state').filter(({ value }) => value === 1);
    return states.map(({ labels }) => labels.state);
  };
  t.deepEqual(told(), ['ok']);
  t.is(valuesOf(parseExposition(toPrometheus(a, b)), 'kimdb_writes_total')[0].value, 21);
  a.close();
  t.deepEqual(told(), ['ok'], 'the other one is open');
  b.close();
  t.deepEqual(told(), ['closed']);
});

test('several spellings of one database are told once', async (t) => {
  const a = await used(t);
  const { dbPath, walPath } = pathsOf(a);
  const b = openHyper(t, { ...manualFlush, dbPath: dbPath.replace(/\.db$/, ''), walPath });
  const samples = valuesOf(parseExposition(toPrometheus(a, b)), 'kimdb_writes_total');
  t.deepEqual(
    samples.map(({ value }) => value),
    [21],
  );
});

test('of closed ones there is only the state', (t) => {
  const db = openSimple(t);
  db.close();
  const families = parseExposition(toPrometheus(db));
  t.deepEqual(
    families.map(({ name }) => name),
    ['kimdb_state'],
  );
  t.throws(() => toPrometheus({}), { instanceOf: TypeError, code: 'KIMDB_INVALID_OPTION' });
});

test('the page on operations names each of them', async (t) => {
  const families = parseExposition((await used(t)).toPrometheus());
  const rows = readPage('docs/operations.md').rows.filter(({ path }) => path.at(-1) === 'Prometheus');
  t.deepEqual(
    rows.filter(({ cells }) => cells[0].startsWith('`')).map(({ cells: [name, type] }) => [name, type]),
    families.map(({ name, type }) => [`\`${name}\``, type]),
  );
});
