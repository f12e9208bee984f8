// The server's process. Started by ../support/processes.mjs, which tells it what to do:
//   { do: 'open', store, folder }   gives { port }: HTTP and WebSocket listen there
//   { do: 'measure' }               gives the figures since the call before, and begins anew
//   { do: 'close' }                 closes the store and ends
// In between it sends { sample } now and then.

import { loadStore } from '../stores/index.mjs';
import { answerOrders } from '../support/orders.mjs';
import { listen } from './listen.mjs';
import { Watch } from './watch.mjs';

let web;
let watch;

answerOrders({
  async open({ store: name, folder }) {
    const { open } = await loadStore(name);
    const store = await open(folder);
    web = await listen(store);
    watch = new Watch((sample) => process.send({ sample }));
    return { port: web.port };
  },
  measure: () => watch.measure(),
  async close() {
    watch.end();
    await web.close();
  },
});
