// An HTTP API for users and payments with Fastify.
//
//   node examples/fastify/server.mjs   listens on http://localhost:3000 (or PORT)
//
// In a clone of the repository npm test prepares it; elsewhere: npm install fastify kimdb
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import Fastify from 'fastify';
import SimpleDB from 'kimdb/hyperscale';

const user = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string', minLength: 1 }, age: { type: 'integer' } },
  additionalProperties: false,
};
const payment = {
  type: 'object',
  required: ['amount'],
  properties: { amount: { type: 'integer', minimum: 1 } },
};
const listing = { type: 'object', properties: { limit: { type: 'integer', minimum: 1, maximum: 1000 } } };

/** The API on a database that is opened with these options, and closed with the API. */
export function buildServer(options, fastifyOptions = {}) {
  const db = new SimpleDB(options);
  const app = Fastify(fastifyOptions);
  // After the last request has been answered.
  app.addHook('onClose', async () => {
    await db.flush();
    db.close();
  });

  app.get('/users', { schema: { querystring: listing } }, ({ query }) => db.getAll('users', query.limit));

  app.get('/users/:id', async ({ params }, reply) => {
    return (await db.get('users', params.id)) ?? reply.code(404).send({ error: 'no such user' });
  });

  app.post('/users', { schema: { body: user } }, async ({ body }, reply) => {
    const { id } = await db.set('users', null, body);
    return reply.code(201).send({ id });
  });

  app.put('/users/:id', { schema: { body: user } }, ({ params, body }) => db.set('users', params.id, body));

  app.delete('/users/:id', async ({ params }, reply) => {
    await db.delete('users', params.id);
    return reply.code(204).send();
  });

  // What may not be lost with the power either is answered when it is on the disk.
  app.post('/payments', { schema: { body: payment } }, async ({ body }, reply) => {
    const { id } = await db.setSync('payments', null, { ...body, at: new Date() });
    return reply.code(201).send({ id });
  });

  app.get('/health', () => {
    const { bufferSize, waitingBytes } = db.stats();
    return { bufferSize, waitingBytes };
  });
  return app;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const app = buildServer({ dbPath: './data/api.db', walPath: './data/api.wal' }, { logger: true });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close());
  await app.listen({ port: Number(process.env.PORT ?? 3000) });
}
