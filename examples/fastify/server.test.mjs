// The API answers over HTTP as it should, and what it was told is there after a restart.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { buildServer } from './server.mjs';

function useOptions(t) {
  const folder = mkdtempSync(join(tmpdir(), 'kimdb-fastify-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return { dbPath: join(folder, 'api.db'), walPath: join(folder, 'api.wal') };
}

async function start(t, options) {
  const app = buildServer(options);
  t.teardown(() => app.close());
  const address = await app.listen({ port: 0 });
  const send = async (method, path, body) => {
    const response = await fetch(address + path, {
      method,
      body: JSON.stringify(body),
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
    });
    const text = await response.text();
    return [response.status, text === '' ? undefined : JSON.parse(text)];
  };
  return { app, send };
}

test('users come and go', async (t) => {
  const { send } = await start(t, useOptions(t));
  t.deepEqual(await send('PUT', '/users/u1', { name: 'Kim', age: 30 }), [200, { id: 'u1', buffered: true }]);
  const [status, { id }] = await send('POST', '/users', { name: 'Lee' });
  t.is(status, 201);
  const [, found] = await send('GET', `/users/${id}`);
  t.deepEqual(found.data, { name: 'Lee' });
  t.is((await send('GET', '/users?limit=10'))[1].length, 2);
  t.is((await send('GET', '/users?limit=1'))[1].length, 1);
  t.deepEqual(await send('DELETE', '/users/u1'), [204, undefined]);
  t.deepEqual(await send('GET', '/users/u1'), [404, { error: 'no such user' }]);
});

test('what is wrong is refused', async (t) => {
  const { send } = await start(t, useOptions(t));
  t.is((await send('PUT', '/users/u1', { age: 30 }))[0], 400);
  t.is((await send('POST', '/payments', { amount: 0 }))[0], 400);
  t.is((await send('GET', '/users?limit=0'))[0], 400);
  t.deepEqual(await send('GET', '/users'), [200, []]);
});

test('everything is there after a restart', async (t) => {
  const options = useOptions(t);
  const { app, send } = await start(t, options);
  await send('PUT', '/users/u1', { name: 'Kim' });
  t.is((await send('POST', '/payments', { amount: 1000 }))[0], 201);
  await app.close();

  const again = await start(t, options);
  const [, found] = await again.send('GET', '/users/u1');
  t.deepEqual(found, { id: 'u1', data: { name: 'Kim' }, _version: 1 });
  t.deepEqual(await again.send('GET', '/health'), [200, { bufferSize: 0, waitingBytes: 0 }]);
});
