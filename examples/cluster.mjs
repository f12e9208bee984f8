// An HTTP service on all cores: each process has the database open, with a log of its own, and sees what the others have
// flushed a moment later.
//
//   node examples/cluster.mjs         listens on http://localhost:3000 (or PORT): PUT and GET /notes/<id>
//   node examples/cluster.mjs --try   writes and reads notes and ends
import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer, request as send } from 'node:http';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import SimpleDB from 'kimdb/hyperscale';

const NOTES = 200;
const isTrial = process.argv.includes('--try');

if (cluster.isPrimary) await lead();
else await serve();

async function lead() {
  const workers = Array.from({ length: Math.max(2, availableParallelism()) }, () => cluster.fork());
  const ends = workers.map((worker) => once(worker, 'exit'));
  const [[{ port }]] = await Promise.all(workers.map((worker) => once(worker, 'listening')));
  if (isTrial) await tryIt(port);
  else await untilSignal(port);
  for (const worker of workers) worker.send('stop');
  await Promise.all(ends);
}

async function untilSignal(port) {
  console.log(`curl -X PUT -d 'Hello' http://localhost:${port}/notes/a. Ctrl+C ends it.`);
  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
}

async function serve() {
  // The same options everywhere.
  const db = new SimpleDB({ dbPath: './data/cluster.db', walPath: './data/cluster.wal' });
  const server = createServer((request, response) => {
    answer(db, request, response).catch((error) => {
      console.error(error);
      response.writeHead(500).end();
    });
  });
  server.listen(isTrial ? 0 : (process.env.PORT ?? 3000));
  // Ctrl+C goes to all processes of a terminal; the leader tells these when to end.
  process.on('SIGINT', () => {});
  await once(process, 'message');
  server.close();
  server.closeIdleConnections();
  await once(server, 'close');
  db.close();
  process.disconnect();
}

async function answer(db, request, response) {
  const id = request.url.split('/')[2];
  if (request.method === 'PUT') {
    await db.set('notes', id, { text: await text(request), by: process.pid });
    response.writeHead(204).end();
    return;
  }
  const note = await db.get('notes', id);
  response.writeHead(note === null ? 404 : 200).end(note === null ? '' : JSON.stringify(note.data));
}

async function tryIt(port) {
  for (let i = 0; i < NOTES; i++) await call(port, 'PUT', i, `note number ${i}`);
  const writers = new Set();
  for (let i = 0; i < NOTES; i++) {
    let found = await call(port, 'GET', i);
    // Another process may have written it a moment ago.
    while (found.status === 404) {
      await sleep(10);
      found = await call(port, 'GET', i);
    }
    const note = JSON.parse(found.body);
    if (note.text !== `note number ${i}`) throw new Error(`Note ${i} is ${found.body}`);
    writers.add(note.by);
  }
  console.log(
    `${NOTES} notes, written by ${writers.size > 1 ? 'several processes' : 'one process'} and read by any`,
  );
}

/** On a connection of its own, so that any process may get it. */
async function call(port, method, id, body) {
  const outgoing = send({ port, method, path: `/notes/${id}`, agent: false }).end(body);
  const [response] = await once(outgoing, 'response');
  return { status: response.statusCode, body: await text(response) };
}
