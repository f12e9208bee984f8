// Makes docs/monitor.png and docs/monitor-dark.png of the page under a load of writes and reads; npm run screenshots.

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SimpleDB } from 'kimdb/hyperscale';
import { monitor } from 'kimdb/monitor';
import { findChromium, startChromium } from './helpers/chromium.mjs';

const DOCS = fileURLToPath(new URL('../docs/', import.meta.url));
const SECONDS = 60;

const chromium = findChromium();
if (chromium === undefined) {
  console.error('There is no Chromium. On Debian: apt-get install chromium');
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'kimdb-'));
const db = new SimpleDB({
  dbPath: join(folder, 'shop.db'),
  walPath: join(folder, 'shop.wal'),
});
let isOver = false;
const server = createServer(monitor(db)).listen(0, '127.0.0.1');
await once(server, 'listening');
const browser = await startChromium(chromium);
try {
  const url = `http://127.0.0.1:${server.address().port}/`;
  const page = await browser.open(url, { width: 1280, height: 1030 });
  const loaded = load();
  await sleep(SECONDS * 1000);
  for (const [scheme, name] of [
    ['light', 'monitor.png'],
    ['dark', 'monitor-dark.png'],
  ]) {
    await page.useScheme(scheme);
    await sleep(500);
    writeFileSync(join(DOCS, name), await page.screenshot());
    console.log(`docs/${name}`, ...page.problems);
  }
  isOver = true;
  await loaded;
} finally {
  await browser.close();
  server.close();
  db.close();
  rmSync(folder, { recursive: true, force: true });
}

/** Orders that come in waves, and customers who look at theirs. */
async function load() {
  const start = performance.now();
  let count = 0;
  while (!isOver) {
    const seconds = (performance.now() - start) / 1000;
    const wave = 1 + Math.sin(seconds / 4) / 2 + Math.random() / 4;
    for (let i = 0; i < 60 * wave; i++, count++) {
      const order = {
        customer: count % 5000,
        items: [{ sku: `sku-${count % 300}`, price: 12900 }],
        paid: false,
      };
      await db.set('orders', `o${count}`, order);
    }
    for (let i = 0; i < 45 / wave; i++) {
      const isRecent = Math.random() < 0.9;
      const back = Math.floor(Math.random() * (isRecent ? Math.min(count, 2000) : count));
      await db.get('orders', `o${count - 1 - back}`);
    }
    if (Math.random() < 0.2) await db.setSync('payments', null, { order: `o${count}`, at: new Date() });
    await sleep(15);
  }
}
