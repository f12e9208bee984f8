// The handler of kimdb/monitor over real connections, without a browser. `browser/` has the tests with one.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import test from 'ava';
import { HyperScaleDB } from 'kimdb/hyperscale';
import { monitor } from 'kimdb/monitor';
import { runModule } from './helpers/child.mjs';
import { manualFlush, openHyper, openSimple, pathsIn, until, useFolder } from './helpers/database.mjs';
import { parseExposition } from './helpers/exposition.mjs';
import { useUnreliableShard } from './helpers/fixtures.mjs';

const require = createRequire(import.meta.url);

/** Serves a handler. `send(path, { method })` gives `{ status, headers, body }`. */
async function serve(t, handler) {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address();
  return async (path, { method = 'GET' } = {}) => {
    const request = http.request({ port, host: '127.0.0.1', path, method, agent: false }).end();
    const [response] = await once(request, 'response');
    let body = '';
    for await (const text of response.setEncoding('utf8')) body += text;
    return { status: response.statusCode, headers: response.headers, body };
  };
}

/** What Express does to requests below `mount`. */
const mounted = (mount, handler) => (request, response) => {
  request.originalUrl = request.url;
  request.baseUrl = mount;
  const below = request.url.slice(mount.length);
  request.url = below.startsWith('/') ? below : `/${below}`;
  handler(request, response);
};

// Arguments

test('it needs a database', (t) => {
  for (const db of [undefined, null, {}, 'app.db', HyperScaleDB]) {
    const error = t.throws(() => monitor(db), { instanceOf: TypeError, code: 'KIMDB_INVALID_OPTION' });
    t.regex(error.message, /^db must be a SimpleDB or a HyperScaleDB, got /);
  }
});

test('it says why it does not take a database of another copy', (t) => {
  const name = require.resolve('kimdb');
  const copies = Object.keys(require.cache).filter((path) => path.startsWith(dirname(name)));
  for (const path of copies) delete require.cache[path];
  const Other = require('kimdb');
  const db = new Other({ ...pathsIn(useFolder(t)), logger: false });
  t.teardown(() => db.close());
  t.throws(() => monitor(db), {
    code: 'KIMDB_INVALID_OPTION',
    message: /of another copy of kimdb; import both/,
  });
});

test('a path begins with a slash and ends without one', (t) => {
  const db = openSimple(t);
  const refuse = (path, instanceOf) =>
    t.throws(() => monitor(db, { path }), { instanceOf, code: 'KIMDB_INVALID_OPTION' }, String(path));
  for (const path of [7, true, {}, ['/kimdb']]) refuse(path, TypeError);
  for (const path of ['kimdb', '/kimdb/', '/kimdb?', '/kimdb#a', '//']) {
    const { message } = refuse(path, RangeError);
    const rule = "must be '/', or begin with / and not end with it, without ? and #";
    t.is(message, `option 'path' ${rule}, got ${JSON.stringify(path)}`);
  }
  for (const path of [undefined, null, '', '/', '/kimdb', '/a/b']) {
    t.is(typeof monitor(db, { path }), 'function');
  }
});

test('options are an object', (t) => {
  const db = openSimple(t);
  for (const options of [5, '/kimdb', true, ['/kimdb'], () => {}]) {
    const error = t.throws(() => monitor(db, options), {
      instanceOf: TypeError,
      code: 'KIMDB_INVALID_OPTION',
    });
    t.regex(error.message, /^options must be an object, got /);
  }
  for (const options of [undefined, null, {}]) t.is(typeof monitor(db, options), 'function');
});

test('an unknown option is a warning', async (t) => {
  const source = `
    import { HyperScaleDB } from 'kimdb/hyperscale';
    import { monitor } from 'kimdb/monitor';
    process.on('warning', ({ name, code, message }) => console.log(name, code, message));
    monitor(new HyperScaleDB(), { paht: '/kimdb' });
  `;
  const { lines } = await runModule(t, useFolder(t), source);
  t.deepEqual(lines, ["KimDBWarning KIMDB_UNKNOWN_OPTION unknown option 'paht'; did you mean 'path'?"]);
});

// Answers

test('a page that cannot be read is told, and asked for again', async (t) => {
  const source = `
    import fs from 'node:fs';
    import { createServer } from 'node:http';
    import SimpleDB from 'kimdb';
    import { monitor } from 'kimdb/monitor';
    const { readFileSync } = fs;
    const db = new SimpleDB();
    const server = createServer(monitor(db)).listen(0, '127.0.0.1', async () => {
      const look = async () => (await fetch('http://127.0.0.1:' + server.address().port)).status;
      fs.readFileSync = () => { throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' }); };
      const response = await fetch('http://127.0.0.1:' + server.address().port);
      console.log(response.status, (await response.text()).trim());
      fs.readFileSync = readFileSync;
      console.log(await look());
      server.close();
      db.close();
    });
  `;
  const { code, lines, stderr } = await runModule(t, useFolder(t), source);
  t.deepEqual([code, stderr], [0, '']);
  t.deepEqual(lines, [
    '500 The files of this page could not be read (EMFILE); /metrics and /metrics.json work.',
    '200',
  ]);
});

test('the page is whole, and the browser runs nothing else', async (t) => {
  const send = await serve(t, monitor(openSimple(t)));
  const { status, headers, body } = await send('/');
  t.is(status, 200);
  t.is(headers['content-type'], 'text/html; charset=utf-8');
  t.is(headers['x-content-type-options'], 'nosniff');
  t.is(headers['cache-control'], 'no-store');
  t.is(Number(headers['content-length']), Buffer.byteLength(body));
  t.regex(body, /^<!doctype html>/);

  const policy = Object.fromEntries(
    headers['content-security-policy'].split('; ').map((part) => {
      const [name, ...values] = part.split(' ');
      return [name, values];
    }),
  );
  const hashOf = (element) => {
    const [, text] = new RegExp(`<${element}>([\\s\\S]*?)</${element}>`).exec(body);
    return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  };
  t.deepEqual(policy['default-src'], ["'none'"]);
  t.deepEqual(policy['script-src'], [hashOf('script')]);
  t.deepEqual(policy['style-src'], [hashOf('style')]);
  t.deepEqual(policy['connect-src'], ["'self'"]);
  t.is(body.match(/<script/g).length, 1);
  t.false(
    /\b(?:src|href)="(?:https?:|\/)/.test(body),
    'nothing is loaded from elsewhere, or by an absolute path',
  );
});

test('figures for the page', async (t) => {
  const db = openHyper(t, { ...manualFlush, shardCount: 3 });
  for (let i = 0; i < 30; i++) db.write('users', `u${i}`, { secret: 'not for the page' });
  db.flushSync();
  db.write('users', 'late', { secret: 'not for the page' });
  const send = await serve(t, monitor(db));
  const { status, headers, body } = await send('/metrics.json?now');
  t.is(status, 200);
  t.is(headers['content-type'], 'application/json; charset=utf-8');
  const answer = JSON.parse(body);
  const { version } = require('../package.json');
  t.like(answer, { version, database: db.config.dbPath, state: 'ok', bufferedWrites: 31, bufferSize: 1 });
  t.deepEqual([answer.shards.length, answer.recentErrors], [3, []]);
  t.is(
    answer.flushTimes.counts.reduce((sum, count) => sum + count),
    1,
  );
  t.false(body.includes('secret') || body.includes('u1'), 'no documents');
  // They are counted aside, for a later answer.
  let rows = null;
  while (rows === null) ({ rows } = JSON.parse((await send('/metrics.json')).body));
  t.is(
    rows.reduce((sum, count) => sum + count),
    30,
  );
});

test('figures for Prometheus', async (t) => {
  const db = openSimple(t);
  const send = await serve(t, monitor(db));
  const { status, headers, body } = await send('/metrics');
  t.is(status, 200);
  t.is(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const names = (text) => parseExposition(text).map(({ name }) => name);
  t.deepEqual(names(body), names(db.toPrometheus()));
});

test('errors are shown', async (t) => {
  const db = openSimple(t, { ...useUnreliableShard(t), flushInterval: 5 });
  const errors = [];
  db.on('error', (error) => errors.push(error));
  for (let i = 0; errors.length === 0; i++) {
    await db.set('unreliable', `u${i}`, { i });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await until(() => db.stats().bufferSize === 0);
  const send = await serve(t, monitor(db));
  const { recentErrors, errors: count } = JSON.parse((await send('/metrics.json')).body);
  t.true(count >= 1);
  t.is(recentErrors.length, Math.min(count, 8));
  t.like(recentErrors[0], { code: errors[0].code, message: errors[0].message, shard: 0 });
});

test('HEAD has no body, other methods are refused', async (t) => {
  const send = await serve(t, monitor(openSimple(t)));
  for (const path of ['/', '/metrics']) {
    const { status, headers, body } = await send(path, { method: 'HEAD' });
    t.deepEqual([status, body], [200, '']);
    t.true(Number(headers['content-length']) > 0);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const { status, headers } = await send('/metrics', { method });
    t.deepEqual([status, headers.allow], [405, 'GET, HEAD'], method);
  }
});

// Where it is

test('without a path it has the whole server', async (t) => {
  const send = await serve(t, monitor(openSimple(t)));
  const statuses = { '/': 200, '/?a=/b': 200, '/metrics': 200, '/metrics.json': 200 };
  for (const path of ['/metrics/', '//', '/a', '/__proto__', '/constructor', '/..%2f', '/page.html', '*']) {
    statuses[path] = 404;
  }
  for (const [path, status] of Object.entries(statuses)) t.is((await send(path)).status, status, path);
});

test('below a path, and nowhere else', async (t) => {
  const send = await serve(t, monitor(openSimple(t), { path: '/admin/kimdb' }));
  for (const path of ['/admin/kimdb/', '/admin/kimdb/metrics', '/admin/kimdb/metrics.json?x']) {
    t.is((await send(path)).status, 200, path);
  }
  const { status, headers } = await send('/admin/kimdb?x=1');
  t.deepEqual([status, headers.location], [302, './kimdb/']);
  for (const path of [
    '/',
    '/metrics',
    '/admin',
    '/admin/kimdbs',
    '/admin/kimdb/x',
    '/admin/kimdb/metrics/x',
  ]) {
    t.is((await send(path)).status, 404, path);
  }
});

test('a path is given as people write it, or as browsers do', async (t) => {
  const db = openSimple(t);
  for (const path of ['/상태', '/my app', '/%EC%83%81%ED%83%9C', '/a/../b', '/a/b/..']) {
    const send = await serve(t, monitor(db, { path }));
    const { pathname } = new URL(`${path}/metrics`, 'http://localhost');
    t.is((await send(pathname)).status, 200, path);
    t.is((await send('/metrics')).status, 404, path);
  }
});

test('a whole address is taken for its path, as proxies may send it', async (t) => {
  const send = await serve(t, monitor(openSimple(t), { path: '/kimdb' }));
  const statuses = {
    'http://a.example/kimdb/metrics?x': 200,
    'HTTPS://a:1/kimdb/': 200,
    'http://a.example': 404,
  };
  for (const [path, status] of Object.entries(statuses)) t.is((await send(path)).status, status, path);
});

test('where Express mounts it', async (t) => {
  const send = await serve(t, mounted('/kimdb', monitor(openSimple(t))));
  const sendOfEmpty = await serve(t, mounted('/kimdb', monitor(openSimple(t), { path: '' })));
  for (const path of ['/kimdb/', '/kimdb/metrics', '/kimdb/metrics.json']) {
    t.is((await send(path)).status, 200, path);
    t.is((await sendOfEmpty(path)).status, 200, path);
  }
  for (const path of ['/kimdb', '/kimdb?x=1']) {
    const { status, headers } = await send(path);
    t.deepEqual([status, headers.location], [302, './kimdb/'], path);
  }
  t.is((await send('/kimdb/x')).status, 404);
});

// Databases that are not open

test('a closed database is shown as closed', async (t) => {
  const db = openSimple(t);
  const send = await serve(t, monitor(db));
  t.is((await send('/metrics.json')).status, 200);
  db.close();
  t.is((await send('/')).status, 200);
  const answer = JSON.parse((await send('/metrics.json')).body);
  t.like(answer, { state: 'closed', database: db.db.config.dbPath });
  t.regex((await send('/metrics')).body, /^kimdb_state\{.*state="closed"\} 1$/m);
});

test('one that is opened later is shown as not open yet, and then', async (t) => {
  const db = new HyperScaleDB(pathsIn(useFolder(t)));
  const send = await serve(t, monitor(db));
  const state = async () => JSON.parse((await send('/metrics.json')).body).state;
  t.is(await state(), 'unopened');
  db.init();
  t.teardown(() => db.close());
  t.is(await state(), 'ok');
  db.close();
  t.is(await state(), 'closed');
});

test('a process ends by itself, looked at or not', async (t) => {
  const source = `
    import { once } from 'node:events';
    import { createServer } from 'node:http';
    import SimpleDB from 'kimdb/hyperscale';
    import { monitor } from 'kimdb/monitor';
    const db = new SimpleDB();
    monitor(db);
    const server = createServer(monitor(db)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const answer = await fetch('http://127.0.0.1:' + server.address().port + '/metrics.json');
    console.log((await answer.json()).state);
    server.close();
  `;
  const { code, lines, stderr } = await runModule(t, useFolder(t), source);
  t.deepEqual([code, lines, stderr], [0, ['ok'], '']);
});
