// Databases that are served over HTTP on this machine.

import { once } from 'node:events';
import { createServer } from 'node:http';

/** Serves a handler on a port, 0 for any. `stop()` also ends what is connected. */
export async function serve(t, handler, port = 0) {
  const server = createServer(handler).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  t.teardown(stop);
  return { url: `http://127.0.0.1:${server.address().port}/`, port: server.address().port, stop };
}
