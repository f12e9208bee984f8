// The monitor behind Express and Fastify, by the lines that docs/operations.md shows.

import test from 'ava';
import express from 'express';
import fastify from 'fastify';
import { monitor } from 'kimdb/monitor';
import { openSimple } from '../__test__/helpers/database.mjs';
import { parseExposition } from '../__test__/helpers/exposition.mjs';
import { readPage } from '../__test__/helpers/pages.mjs';
import { serve } from './helpers/served.mjs';

const fragments = readPage('docs/operations.md').blocks.filter(({ language }) => language === 'javascript');
const fragmentOf = (word) => fragments.find(({ code }) => code.includes(word)).code;

/** Runs a fragment of the page as it stands there. */
const run = (code, names) => new Function(...Object.keys(names), code)(...Object.values(names));

const PASSWORD = { headers: { authorization: 'let me in' } };
const isKnown = ({ headers }) => headers.authorization === PASSWORD.headers.authorization;

/** What is there, what is not, and that the program's own authentication comes first. */
async function check(t, url) {
  t.is((await fetch(`${url}/`)).status, 401);
  t.is((await fetch(`${url}/metrics.json`)).status, 401);
  const page = await fetch(`${url}/`, PASSWORD);
  t.is(page.status, 200);
  t.regex(page.headers.get('content-security-policy'), /script-src 'sha256-/);
  t.regex(await page.text(), /<\/html>\s*$/);
  t.is((await (await fetch(`${url}/metrics.json`, PASSWORD)).json()).state, 'ok');
  t.true(parseExposition(await (await fetch(`${url}/metrics`, PASSWORD)).text()).length > 20);
  t.is((await fetch(`${url}/nothing`, PASSWORD)).status, 404);
  const head = await fetch(`${url}/metrics`, { ...PASSWORD, method: 'HEAD' });
  t.deepEqual([head.status, await head.text()], [200, '']);
}

test('Express', async (t) => {
  const db = openSimple(t);
  const app = express();
  const checkPassword = (request, response, next) => (isKnown(request) ? next() : response.sendStatus(401));
  run(fragmentOf('app.use('), { app, db, monitor, checkPassword });
  app.use((_, response) => response.status(404).send('of the program itself'));
  const { url } = await serve(t, app);
  await check(t, `${url}kimdb`);
  // Without the slash too: relative addresses lead below it.
  const page = await fetch(`${url}kimdb`, PASSWORD);
  t.deepEqual([page.status, page.url], [200, `${url}kimdb/`]);
  t.is((await fetch(`${url}kimdb/`, { ...PASSWORD, method: 'POST' })).status, 405);
  t.is(await (await fetch(`${url}else`, PASSWORD)).text(), 'of the program itself');
});

test('a router of Express in another one', async (t) => {
  const [outer, inner] = [express(), express.Router()];
  inner.use('/kimdb', monitor(openSimple(t)));
  outer.use('/admin', inner);
  const { url } = await serve(t, outer);
  const page = await fetch(`${url}admin/kimdb?a=b`);
  t.deepEqual([page.status, page.url], [200, `${url}admin/kimdb/`]);
  t.is((await fetch(`${url}admin/kimdb/metrics`)).status, 200);
});

test('Fastify', async (t) => {
  const db = openSimple(t);
  const app = fastify();
  t.teardown(() => app.close());
  const checkPassword = async (request, reply) => (isKnown(request) ? undefined : reply.code(401).send());
  run(fragmentOf('reply.hijack()'), { app, db, monitor, checkPassword });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  await check(t, `${url}/kimdb`);
});
