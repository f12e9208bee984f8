// Sessions over HTTP: PUT /sessions/:id stores one, GET gives it.
import Fastify from 'fastify';
import { COLLECTION } from './listen.mjs';

// A connection that has nothing to ask for a while is not an error.
const KEEP_ALIVE_MS = 600_000;

export function serveHttp(store) {
  const app = Fastify({ keepAliveTimeout: KEEP_ALIVE_MS });
  app.put('/sessions/:id', async ({ params, body }, reply) => {
    await store.set(COLLECTION, params.id, body);
    return reply.code(204).send();
  });
  app.get('/sessions/:id', async ({ params }, reply) => {
    const data = store.dataOf(await store.get(COLLECTION, params.id));
    return data ?? reply.code(404).send({ error: 'no such session' });
  });
  return app;
}
