// The page in a headless Chromium: what a person sees, with the figures of a database that works.

import test from 'ava';
import { HyperScaleDB } from 'kimdb/hyperscale';
import { monitor } from 'kimdb/monitor';
import { openHyper, openSimple, pathsIn, sleep, useFolder } from '../__test__/helpers/database.mjs';
import { useUnreliableShard } from '../__test__/helpers/fixtures.mjs';
import { findChromium, startChromium } from './helpers/chromium.mjs';
import { serve } from './helpers/served.mjs';

const command = findChromium();
if (command === undefined) {
  console.log('There is no Chromium here, so the page is not tested. On Debian: apt-get install chromium');
}
const inBrowser = command === undefined ? test.serial.skip : test.serial;

let browser;
test.before(async () => {
  if (command !== undefined) browser = await startChromium(command);
});
test.after.always(() => browser?.close());

const DESK = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740, scale: 2, isTouch: true };

/** Writes and reads until the test ends. */
function keepBusy(t, db) {
  let isOver = false;
  const busy = (async () => {
    for (let i = 0; !isOver; i++) {
      db.write('users', `u${i % 500}`, { name: `secret ${i}` });
      db.read('users', `u${(i * 7) % 500}`);
      if (i % 20 === 0) await sleep(5);
    }
  })();
  t.teardown(async () => {
    isOver = true;
    await busy;
  });
}

const text = (selector) => `document.querySelector(${JSON.stringify(selector)}).innerText`;
const all = (selector, of = 'innerText') =>
  `[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => element.${of})`;

/** Opens the page of a database that works, and waits until its plots have lines. */
async function openBusy(t, size = DESK) {
  const db = openHyper(t, { shardCount: 3 });
  keepBusy(t, db);
  const server = await serve(t, monitor(db));
  const page = await browser.open(server.url, size);
  await page.until(`${all('#plots .line', 'outerHTML')}.length >= 8`);
  return { db, page, server };
}

inBrowser('it shows the figures and draws them', async (t) => {
  const { db, page } = await openBusy(t);
  t.is(await page.evaluate(text('#state')), 'OK');
  t.is(await page.evaluate(text('#database')), db.config.dbPath);
  const tiles = await page.evaluate(all('.tile .value'));
  t.is(tiles.length, 6);
  t.regex(tiles[0], /^[1-9][\d.,]*K?$/);
  t.is((await page.evaluate(all('.plot'))).length, 8);
  const writes = await page.evaluate(`${all('.plot .legend b')}`);
  t.regex(writes[0], /^[1-9][\d.,]*K?$/);
  // As many shards as there are, with their documents once these were counted.
  await page.until(`/^[1-9]/.test(${text('#shards tbody td')})`);
  t.is((await page.evaluate(all('#shards tbody tr'))).length, 3);
  const rows = await page.evaluate(all('#shards tbody td:nth-child(2)'));
  t.true(rows.reduce((sum, rows) => sum + Number(rows), 0) <= 500);
  t.is(await page.evaluate(text('#errors')), 'None since opening');
  t.false((await page.evaluate('document.documentElement.outerHTML')).includes('secret'));
  // It goes on.
  const updated = await page.evaluate(text('#updated'));
  await page.until(`${text('#updated')} !== ${JSON.stringify(updated)}`);
  t.deepEqual(page.problems, []);
});

inBrowser('the pointer and the keyboard read single values', async (t) => {
  const { page } = await openBusy(t);
  const place = await page.evaluate(
    '(({ left, top, width, height }) => ({ x: left + width * 0.99, y: top + height / 2 }))(document.querySelector(".canvas").getBoundingClientRect())',
  );
  await page.movePointer(place.x, place.y);
  await page.until('!document.querySelector(".tip").hidden');
  t.regex(await page.evaluate(text('.tip')), /^\d\d:\d\d:\d\d\s+taken [\d.,K]+\s+flushed [\d.,K]+$/);
  t.is((await page.evaluate(all('line.cross', 'outerHTML'))).length, 8, 'on all plots');
  await page.movePointer(1, 1);
  await page.until('document.querySelector(".tip").hidden');

  await page.evaluate('document.querySelector(".canvas").focus()');
  await page.press('ArrowLeft');
  const first = await page.evaluate(text('[aria-live]'));
  t.regex(first, /^\d\d:\d\d:\d\d: taken .+, flushed .+$/);
  await page.press('ArrowLeft');
  t.not(await page.evaluate(text('[aria-live]')), first);
  await page.press('Escape');
  await page.until('document.querySelector(".tip").hidden');
  t.regex(
    await page.evaluate('document.querySelector(".canvas").getAttribute("aria-label")'),
    /^Writes per second since .*: taken now .+, at most .+; flushed now .+\. Left and right arrow/,
  );
  t.deepEqual(page.problems, []);
});

inBrowser('plots become tables and plots again', async (t) => {
  const { page } = await openBusy(t);
  await page.evaluate('document.querySelector("#as-tables").click()');
  t.is(await page.evaluate('document.querySelector("#as-tables").getAttribute("aria-pressed")'), 'true');
  const heads = await page.evaluate(all('.plot:first-child th[scope="col"]'));
  t.deepEqual(heads, ['Time', 'taken', 'flushed']);
  t.regex(await page.evaluate(text('.plot:first-child tbody th')), /^\d\d:\d\d:\d\d$/);
  await page.until('document.querySelectorAll(".plot:first-child tbody tr").length >= 3');
  t.is(await page.evaluate('document.querySelector(".canvas").offsetHeight'), 0);
  await page.evaluate('document.querySelector("#as-tables").click()');
  t.true((await page.evaluate('document.querySelector(".canvas").offsetHeight')) > 100);
  t.deepEqual(page.problems, []);
});

inBrowser('it fits a phone, and the dark', async (t) => {
  const { page } = await openBusy(t, { ...PHONE, scheme: 'dark' });
  const widest = 'Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)';
  t.is(await page.evaluate(widest), PHONE.width, 'nothing sticks out');
  const [back, ink] = await page.evaluate(
    '["backgroundColor", "color"].map((name) => getComputedStyle(document.body)[name].match(/\\d+/g).map(Number))',
  );
  t.true(Math.max(...back) < 64 && Math.min(...ink) > 192, `${ink} on ${back}`);
  await page.useScheme('light');
  const light = await page.evaluate(
    'getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)',
  );
  t.true(Math.min(...light) > 192);
  t.deepEqual(page.problems, []);
});

inBrowser('it tells when the server is gone, and goes on when it is back', async (t) => {
  const { db, page, server } = await openBusy(t);
  await server.stop();
  await page.until(`${text('#state')} === 'No connection'`);
  t.regex(await page.evaluate('document.title'), /^No connection/);
  await serve(t, (_, response) => response.writeHead(401).end(), server.port).then(async (locked) => {
    await page.until(`${text('#state-text')} === 'The server answers 401. It is asked again.'`);
    await locked.stop();
  });
  await serve(t, monitor(db), server.port);
  await page.until(`${text('#state')} === 'OK'`);
  t.is(await page.evaluate('document.title'), 'kimdb');
});

inBrowser('a database is not open yet, is closed, and another takes its place', async (t) => {
  const options = pathsIn(useFolder(t));
  let db = new HyperScaleDB(options);
  t.teardown(() => db.close());
  const server = await serve(t, (request, response) => monitor(db)(request, response));
  const page = await browser.open(server.url, DESK);
  await page.until(`${text('#state')} === 'Not open yet'`);
  t.true((await page.evaluate(text('#state-text'))).includes('init()'));
  db.init();
  for (let i = 0; i < 100; i++) db.write('users', `u${i}`, { i });
  await page.until(`${text('#state')} === 'OK'`);
  db.close();
  await page.until(`${text('#state')} === 'Closed'`);
  db = new HyperScaleDB(options).init();
  await page.until(`${text('#state')} === 'OK' && ${text('.tile .more')} === '0 since opening'`);
  await page.until(`${text('.tile .value')} === '0'`);
  t.false(
    (await page.evaluate(text('#plots'))).includes('-'),
    'counters that begin anew are no negative rates',
  );
  t.deepEqual(page.problems, []);
});

inBrowser('what fails is shown', async (t) => {
  const db = openSimple(t, { ...useUnreliableShard(t), flushInterval: 5 });
  const errors = [];
  db.on('error', (error) => errors.push(error));
  for (let i = 0; errors.length === 0; i++) {
    await db.set('unreliable', `u${i}`, { i });
    await sleep(10);
  }
  const server = await serve(t, monitor(db));
  const page = await browser.open(server.url, DESK);
  await page.until(`${text('#errors')}.includes(${JSON.stringify(errors[0].message)})`);
  t.true((await page.evaluate(text('#errors'))).includes(errors[0].code));
  while (db.stats().bufferSize > 0) await sleep(5);
  t.deepEqual(page.problems, []);
});
