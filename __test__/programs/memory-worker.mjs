// Opens a database that somebody else has filled, and tells what its V8 knows of the engine's memory.

import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { SimpleDB } from 'kimdb/hyperscale';

const { external } = createRequire(import.meta.url)('../../binding.js').Memory;
const before = external();
const db = new SimpleDB(workerData.options);
db.stats();
parentPort.postMessage(external() - before);
setInterval(() => {}, 1000);
