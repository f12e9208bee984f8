// Reads the documents back in the three ways there are, and measures each.
import { COLLECTION } from './cities.mjs';

const CHUNK = 1000;
const SINGLE_READS = 100_000;

/** @returns {Promise<{ get: number, getMany: number, getAll: number }>} documents per second */
export async function measureReads(db, cities) {
  return {
    get: await perSecond(() => readSingly(db, cities)),
    getMany: await perSecond(() => readInChunks(db, cities)),
    getAll: await perSecond(async () => (await db.getAll(COLLECTION, Infinity)).length),
  };
}

async function readSingly(db, cities) {
  let found = 0;
  for (let i = 0; i < SINGLE_READS; i++) {
    const { id } = cities[Math.floor(Math.random() * cities.length)];
    if ((await db.get(COLLECTION, id)) !== null) found += 1;
  }
  return found;
}

async function readInChunks(db, cities) {
  let found = 0;
  for (let start = 0; start < cities.length; start += CHUNK) {
    const ids = cities.slice(start, start + CHUNK).map(({ id }) => id);
    found += (await db.getMany(COLLECTION, ids)).filter((city) => city !== null).length;
  }
  return found;
}

/** Runs `work`, which resolves to how many documents it handled. */
export async function perSecond(work) {
  const start = performance.now();
  const count = await work();
  return (count / (performance.now() - start)) * 1000;
}
