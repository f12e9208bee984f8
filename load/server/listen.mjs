// Fastify and a WebSocket server on one port of the loopback, over the same store.
import { serveHttp } from './http.mjs';
import { serveSockets } from './sockets.mjs';

export const COLLECTION = 'sessions';

/** @returns {Promise<{ port: number, disconnect: () => void, close: () => Promise<void> }>} `disconnect` ends all connections */
export async function listen(store) {
  const app = serveHttp(store);
  const sockets = serveSockets(app.server, store);
  await app.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  const disconnect = () => {
    for (const socket of sockets.clients) socket.terminate();
    app.server.closeAllConnections();
  };
  return {
    port: app.server.address().port,
    disconnect,
    async close() {
      disconnect();
      await app.close();
      await store.close();
    },
  };
}
