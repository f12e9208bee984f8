// One of the worker threads of threads.mjs.
import { parentPort, workerData } from 'node:worker_threads';
import { loadDriver } from '../drivers/index.mjs';
import { COLLECTION, smallDocument } from './documents.mjs';
import { reader, writeEach } from './loops.mjs';
import { idIn } from './threads.mjs';

/** Each worker compiles the code anew, which is not to be measured. */
const WARM = 5000;

const { threads, number, driver, folder, each } = workerData;
const { open } = await loadDriver(driver);
const store = await open(folder);
const read = reader(store, COLLECTION);

const idOf = (i) => idIn(threads, number, i);
// Those that another worker wrote, so that nobody reads from a cache of its own writes alone.
const otherIdOf = (i) => idIn(threads, (number + 1) % threads, i);

async function write(count, name) {
  await writeEach(store, COLLECTION, count, name, smallDocument);
  await store.acknowledge();
}

async function readEach(count, name) {
  for (let i = 0; i < count; i++) {
    const pending = read(name(i));
    if (pending && (await pending) === null) throw new Error(`'${name(i)}' is gone`);
  }
}

const jobs = {
  write: () => write(each, idOf),
  read: () => readEach(each, otherIdOf),
};

const warmId = (i) => `warm-${idOf(i)}`;
await write(Math.min(WARM, each), warmId);
await readEach(Math.min(WARM, each), warmId);
parentPort.on('message', async (job) => {
  if (job === 'close') {
    await store.close();
    parentPort.close();
    return;
  }
  await jobs[job]();
  parentPort.postMessage(job);
});
parentPort.postMessage('ready');
