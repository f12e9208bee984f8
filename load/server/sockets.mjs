// Sessions over WebSocket: { id, data } stores one and is answered by 'stored', { id } is answered by the session.
import { WebSocketServer } from 'ws';
import { COLLECTION } from './listen.mjs';

export function serveSockets(server, store) {
  const sockets = new WebSocketServer({ server, clientTracking: true, perMessageDeflate: false });
  sockets.on('connection', (socket) => {
    // What ends a connection is counted by the one at its other end.
    socket.on('error', () => socket.terminate());
    socket.on('message', async (message) => socket.send(await answer(store, message)));
  });
  return sockets;
}

async function answer(store, message) {
  try {
    const { id, data } = JSON.parse(message);
    if (data === undefined) {
      const found = store.dataOf(await store.get(COLLECTION, id));
      return found === undefined ? 'no such session' : JSON.stringify(found);
    }
    await store.set(COLLECTION, id, data);
    return 'stored';
  } catch (error) {
    return `failed: ${error.message}`;
  }
}
