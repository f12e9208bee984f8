// Sessions of a web server in a database: they outlive a restart, and reading one costs a microsecond.
//
//   node examples/sessions.mjs         listens on http://localhost:3000 (or PORT)
//   node examples/sessions.mjs --try   visits itself and ends
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import process from 'node:process';
import SimpleDB from 'kimdb/hyperscale';

const HOUR_MS = 3_600_000;

class Sessions {
  #db;
  #timer;

  constructor(db) {
    this.#db = db;
    this.#timer = setInterval(() => this.removeExpired().catch(console.error), HOUR_MS).unref();
  }

  /** The session of a request, or a new one. */
  async of(request) {
    const id = /\bsid=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1];
    const found = id && (await this.#db.get('sessions', id));
    if (found && found.data.expires > Date.now()) return { id, values: found.data.values };
    return { id: randomBytes(18).toString('base64url'), values: {} };
  }

  async save({ id, values }) {
    await this.#db.set('sessions', id, { values, expires: Date.now() + HOUR_MS });
  }

  async end({ id }) {
    await this.#db.delete('sessions', id);
  }

  async removeExpired() {
    const all = await this.#db.getAll('sessions', Number.POSITIVE_INFINITY);
    const expired = all.filter(({ data }) => data.expires <= Date.now());
    await this.#db.deleteMany(
      'sessions',
      expired.map(({ id }) => id),
    );
  }

  close() {
    clearInterval(this.#timer);
  }
}

const db = new SimpleDB({ dbPath: './data/sessions.db', walPath: './data/sessions.wal' });
const sessions = new Sessions(db);

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
});

async function answer(request, response) {
  const session = await sessions.of(request);
  if (request.url === '/logout') {
    await sessions.end(session);
    response.setHeader('Set-Cookie', 'sid=; Max-Age=0; Path=/');
    response.end('Goodbye\n');
    return;
  }
  session.values.visits = (session.values.visits ?? 0) + 1;
  await sessions.save(session);
  response.setHeader('Set-Cookie', `sid=${session.id}; HttpOnly; SameSite=Lax; Path=/`);
  response.end(`Visit number ${session.values.visits}\n`);
}

async function stop() {
  server.close();
  server.closeIdleConnections();
  await once(server, 'close');
  sessions.close();
  db.close();
}

async function tryIt(address) {
  let cookie = '';
  for (const path of ['/', '/', '/logout', '/']) {
    const response = await fetch(address + path, { headers: { cookie } });
    cookie = response.headers.get('set-cookie').split(';')[0];
    console.log(path, (await response.text()).trim());
  }
  console.log('strangers', (await (await fetch(address)).text()).trim());
}

const isTrial = process.argv.includes('--try');
server.listen(isTrial ? 0 : (process.env.PORT ?? 3000));
await once(server, 'listening');
const address = `http://localhost:${server.address().port}`;
if (isTrial) {
  await tryIt(address);
  await stop();
} else {
  console.log(`Visit ${address}, and ${address}/logout. Ctrl+C ends it.`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
}
