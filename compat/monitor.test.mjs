// The monitor of kimdb 7, unmodified, on the HyperScaleDB of this one.

import { once } from 'node:events';
import test from 'ava';
import fastify from 'fastify';
import { openHyper, openSimple, sleep } from '../__test__/helpers/database.mjs';
import './helpers/old.mjs';

const { default: KimDBMonitor, monitorPlugin } = await import('kimdb-old/monitor');

const COUNT = 300;

/** Documents in two collections, some of them flushed, read and buffered. */
function fill(db) {
  for (let i = 0; i < COUNT; i++) db.write(i % 3 === 0 ? '사용자' : 'users', `u${i}`, { i });
  db.flushSync();
  for (let i = 1; i < COUNT; i += 3) db.read('users', `u${i}`);
  for (let i = 1; i < COUNT; i += 3) db.read('users', `u${i}`);
}

function checkStatus(t, status) {
  t.is(status.status, 'healthy');
  t.true(status.uptime > 0);
  t.false(Number.isNaN(Date.parse(status.timestamp)));
  t.is(status.overview.totalWrites, COUNT);
  t.is(status.overview.bufferedWrites, COUNT);
  t.is(status.overview.bufferSize, 0);
  t.is(status.overview.cacheHits, COUNT / 3);
  t.is(status.overview.cacheMisses, COUNT / 3);
  t.is(status.overview.cacheHitRate, '50.0%');
  t.deepEqual(status.wal, { enabled: true, writes: COUNT, recovered: 0 });
  t.true(Number.isInteger(status.performance.avgFlushTime));
  t.true(Number.isInteger(status.performance.writesPerSecond));
  t.deepEqual(status.recentErrors, []);
  checkShards(t, status.shards);
}

function checkShards(t, shards) {
  t.deepEqual(
    shards.map(({ index, status }) => [index, status]),
    [0, 1, 2, 3].map((index) => [index, 'online']),
  );
  for (const { index, tables, rows, path } of shards) {
    // kimdb's own tables are among them.
    t.true(tables >= 2);
    t.true(rows > 0);
    t.regex(path, new RegExp(`_shard${index}\\.db$`));
  }
}

const options = { shardCount: 4, flushInterval: 2 ** 31 - 1 };

test('each method of KimDBMonitor', async (t) => {
  const db = openHyper(t, options);
  const monitor = new KimDBMonitor(db);
  t.is(monitor.start(10), monitor);
  t.teardown(() => monitor.stop());
  fill(db);
  const [stats] = await once(monitor, 'stats');
  t.like(stats, { flushedWrites: COUNT, shardCount: 4, safeMode: true });
  while (monitor.history.flushTimes.length === 0 || monitor.history.writes.length < 2) await sleep(5);
  const [{ count, duration, time }] = monitor.history.flushTimes;
  t.is(count, COUNT);
  t.true(duration >= 0 && time <= Date.now());

  monitor.collect();
  t.is(monitor.history.writes.at(-1).value, COUNT);
  t.is(monitor.history.bufferSizes.at(-1).value, 0);
  checkStatus(t, monitor.getStatus());
  checkShards(t, monitor.getShardStats());
  t.true(Number.isInteger(monitor.getAvgFlushTime()));
  t.is(monitor.getAvgFlushTime(), Math.round(duration));
  t.like(monitor.healthCheck(), { status: 'ok' });

  // Between the first of the last ten figures and the last one, as far as it collects itself.
  monitor.stop();
  t.is(monitor.getWritesPerSecond(), 0);
  await sleep(20);
  for (let i = 0; i < 1000; i++) db.write('users', `more ${i}`, { i });
  monitor.collect();
  t.true(monitor.getWritesPerSecond() > 0);
  t.is(monitor.history.bufferSizes.at(-1).value, 1000);

  for (let i = 0; i < 200; i++) monitor.collect();
  t.is(monitor.history.writes.length, monitor.maxHistory);
  t.is(monitor.intervalId, null);
});

test('what the engine reports as an error is in its history', (t) => {
  const db = openHyper(t, options);
  const monitor = new KimDBMonitor(db).start(100_000);
  t.teardown(() => monitor.stop());
  db.emit('error', new Error('the disk is full'));
  t.like(monitor.getStatus().recentErrors[0], { message: 'the disk is full' });
});

test('a closed database is reported as what it is', (t) => {
  const db = openHyper(t, options);
  const monitor = new KimDBMonitor(db);
  db.close();
  t.like(monitor.healthCheck(), { status: 'error' });
  t.true(monitor.getShardStats().every(({ status }) => status === 'error'));
});

test('it takes a SimpleDB too', (t) => {
  const db = openSimple(t, options);
  const monitor = new KimDBMonitor(db).start(100_000);
  t.teardown(() => monitor.stop());
  monitor.collect();
  t.like(monitor.getStatus(), { status: 'healthy', shards: [] });
  t.like(monitor.healthCheck(), { status: 'ok' });
});

// Fastify puts the prefix of an option before the routes, which have it already.
for (const [given, prefix] of [
  [{}, '/kimdb'],
  [{ prefix: '/admin' }, '/admin/admin'],
]) {
  test(`each route of the Fastify plugin below ${prefix}`, async (t) => {
    const db = openHyper(t, options);
    const server = fastify();
    t.teardown(() => server.close());
    const scopes = [];
    server.addHook('onRegister', (scope) => scopes.push(scope));
    await server.register(monitorPlugin, { db, ...given });
    const monitor = scopes[0].kimdbMonitor;
    t.teardown(() => monitor.stop());
    fill(db);
    const get = async (route) => {
      const response = await server.inject({ url: `${prefix}${route}` });
      t.is(response.statusCode, 200, route);
      return response;
    };
    t.like((await get('/health')).json(), { status: 'ok' });
    checkStatus(t, (await get('/status')).json());
    checkShards(t, (await get('/shards')).json().shards);
    monitor.collect();
    const history = (await get('/history')).json();
    t.is(history.writes.at(-1).value, COUNT);
    t.is(history.bufferSizes.at(-1).value, 0);
    const page = await get('/dashboard');
    t.regex(page.headers['content-type'], /text\/html/);
    t.true(page.body.includes(`const prefix = '${given.prefix ?? '/kimdb'}';`));
  });
}
