// A headless Chromium, driven by the DevTools protocol through a pipe: no port, and no package.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
// A machine with other work takes its time.
const PATIENCE_MS = 60_000;

/** The command of a Chromium of this machine, or undefined. `CHROMIUM` overrides what is looked for. */
export function findChromium() {
  const mac = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
  const candidates = process.env.CHROMIUM ? [process.env.CHROMIUM] : [...NAMES, mac];
  return candidates.find((name) => {
    if (name.includes('/') && !existsSync(name)) return false;
    return spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;
  });
}

/** Starts one. */
export async function startChromium(command) {
  const folder = mkdtempSync(join(tmpdir(), 'kimdb-chromium-'));
  const args = [
    '--headless=new',
    '--remote-debugging-pipe',
    `--user-data-dir=${folder}`,
    '--no-first-run',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-background-networking',
    '--hide-scrollbars',
    '--force-color-profile=srgb',
    '--lang=en-US',
  ];
  // Its sandbox refuses to run as root; the only page that is shown is our own.
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const connection = new Connection(child.stdio[3], child.stdio[4]);
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
    child.once('error', resolve);
  });
  ended.then(() => connection.fail(new Error('Chromium has ended.')));
  return {
    /** A page of a size, with what it logs as an error in `problems`. */
    async open(url, { width, height, scheme = 'light', scale = 1, isTouch = false }) {
      const { targetId } = await connection.send('Target.createTarget', { url: 'about:blank' });
      const { sessionId } = await connection.send('Target.attachToTarget', { targetId, flatten: true });
      const page = new Page(connection, sessionId);
      await page.prepare({ width, height, scheme, scale, isTouch });
      await page.goto(url);
      return page;
    },
    async close() {
      connection.send('Browser.close').catch(() => undefined);
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

class Page {
  /** Errors, exceptions, and what the Content-Security-Policy refused. */
  problems = [];
  #send;

  constructor(connection, sessionId) {
    this.#send = (method, params) => connection.send(method, params, sessionId);
    connection.listen(sessionId, ({ method, params }) => {
      if (method === 'Log.entryAdded' && params.entry.level === 'error')
        this.problems.push(params.entry.text);
      if (method === 'Runtime.exceptionThrown') this.problems.push(describe(params.exceptionDetails));
    });
  }

  async prepare({ width, height, scheme, scale, isTouch }) {
    await this.#send('Runtime.enable');
    await this.#send('Log.enable');
    const metrics = { width, height, deviceScaleFactor: scale, mobile: isTouch };
    await this.#send('Emulation.setDeviceMetricsOverride', metrics);
    await this.useScheme(scheme);
  }

  async useScheme(scheme) {
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await this.#send('Emulation.setEmulatedMedia', { features });
  }

  async goto(url) {
    const { errorText } = await this.#send('Page.navigate', { url });
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    await this.until('document.readyState === "complete"');
  }

  /** The value of an expression in the page. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${describe(exceptionDetails)}`);
    return result.value;
  }

  async until(expression) {
    const end = Date.now() + PATIENCE_MS;
    while (!(await this.evaluate(`Boolean(${expression})`))) {
      if (Date.now() > end) throw new Error(`This never became true: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async press(key) {
    await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', key, code: key });
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key });
  }

  async movePointer(x, y) {
    await this.#send('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
  }

  /** A PNG of what is seen, or of the whole page. */
  async screenshot({ whole = false } = {}) {
    const { data } = await this.#send('Page.captureScreenshot', {
      format: 'png',
      captureBeyondViewport: whole,
    });
    return Buffer.from(data, 'base64');
  }
}

const describe = ({ text, exception }) => exception?.description ?? text;

/** Messages of JSON, each ended by a NUL. */
class Connection {
  #last = 0;
  #waiting = new Map();
  #listeners = new Map();
  #output;
  #failure;

  constructor(output, input) {
    this.#output = output;
    output.on('error', (error) => this.fail(error));
    let rest = '';
    input.setEncoding('utf8').on('data', (text) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop();
      for (const message of messages) this.#receive(JSON.parse(message));
    });
  }

  send(method, params = {}, sessionId = undefined) {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = ++this.#last;
    this.#output.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, method });
    });
  }

  listen(sessionId, listener) {
    this.#listeners.set(sessionId, listener);
  }

  fail(error) {
    this.#failure = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #receive(message) {
    if (message.id === undefined) {
      this.#listeners.get(message.sessionId)?.(message);
      return;
    }
    const { resolve, reject, method } = this.#waiting.get(message.id) ?? {};
    this.#waiting.delete(message.id);
    if (message.error) reject?.(new Error(`${method}: ${message.error.message}`));
    else resolve?.(message.result);
  }
}
