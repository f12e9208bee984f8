// Ends, in the way that it is told, with two databases, three instances, a worker, flushes and promises under way.

import { Worker } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';

const { options, ending, count } = JSON.parse(process.argv[2]);
const [a, same, b] = [options[0], options[0], options[1]].map((each) => new SimpleDB(each));

for (let i = 0; i < count; i++) {
  await (i % 2 === 0 ? a : same).set('main', `${i}`, i);
  await b.set('main', `${i}`, i);
}
const worker = new Worker(new URL('./busy-worker.mjs', import.meta.url), { workerData: { options, count } });
await new Promise((resolve) => worker.once('message', resolve));
console.log('written');

// From here on nothing waits for anything.
let later = 0;
let goesOn = true;
function keepBusy() {
  if (!goesOn) return;
  for (let i = 0; i < 50; i++, later++) for (const db of [a, b]) db.set('later', `${later}`, later);
  a.setSync('synced', `${later}`, later).catch(() => {});
  b.getAll('main', 10).catch(() => {});
  same.flush().catch(() => {});
  setImmediate(keepBusy);
}
keepBusy();

const stop = () => {
  goesOn = false;
  worker.postMessage('stop');
};
const inTurns = (work) => setTimeout(work, 20);
const onSignal = (signal, handler) => {
  process.once(signal, handler);
  inTurns(() => process.kill(process.pid, signal));
};
const raise = (signal) => () => inTurns(() => process.kill(process.pid, signal));

const endings = {
  'normal end': () => inTurns(stop),
  'normal end after close': () =>
    inTurns(() => {
      stop();
      for (const db of [a, b, same]) db.close();
    }),
  'process.exit in the same tick': () => process.exit(7),
  'process.exit in a later turn': () => inTurns(() => process.exit(7)),
  'process.exit in a flush listener': () => a.once('flush', () => process.exit(7)),
  'process.exit when setSync is done': () => a.setSync('main', 'last', 'last').then(() => process.exit(7)),
  'process.exit while toJSON runs': () => a.set('main', 'never', { toJSON: () => process.exit(7) }),
  'process.exit in a beforeExit listener'() {
    process.once('beforeExit', () => process.exit(7));
    inTurns(stop);
  },
  'writes and flushSync in an exit listener'() {
    process.once('exit', () => {
      for (const db of [a, b]) {
        db.set('main', 'last', 'last');
        db.flushSync();
        db.close();
      }
    });
    inTurns(() => process.exit(7));
  },
  'uncaught exception': () =>
    inTurns(() => {
      throw new Error('on purpose');
    }),
  'exception in a flush listener': () =>
    a.once('flush', () => {
      throw new Error('on purpose');
    }),
  'unhandled rejection': () => inTurns(() => Promise.reject(new Error('on purpose'))),
  'uncaught exception that is handled'() {
    process.once('uncaughtException', () => inTurns(() => process.exit(7)));
    a.once('flush', () => {
      throw new Error('on purpose');
    });
  },
  'uncaught exception in the worker': () => inTurns(() => worker.postMessage('throw')),
  'SIGTERM with a handler that closes': () =>
    onSignal('SIGTERM', () => {
      for (const db of [a, b, same]) db.close();
      process.exit(7);
    }),
  'SIGINT with a handler that ends the process': () => onSignal('SIGINT', () => process.exit(7)),
  'SIGTERM with a handler that lets it go on': () => onSignal('SIGTERM', () => inTurns(stop)),
  SIGTERM: raise('SIGTERM'),
  SIGINT: raise('SIGINT'),
  SIGHUP: raise('SIGHUP'),
  SIGUSR2: raise('SIGUSR2'),
  SIGKILL: raise('SIGKILL'),
  'process.abort': () => inTurns(() => process.abort()),
};

endings[ending]();
