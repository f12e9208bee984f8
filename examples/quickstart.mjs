// Loads the cities of the world, kills the loading process with SIGKILL half way, opens the database
// again, proves that every acknowledged write is there, and goes on. Start it with: npm run quickstart
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import SimpleDB from 'kimdb/hyperscale';
import { COLLECTION, loadCities } from './quickstart/cities.mjs';
import { loadAndKill } from './quickstart/kill.mjs';
import { Progress } from './quickstart/progress.mjs';
import { measureReads, perSecond } from './quickstart/reads.mjs';
import { printTable } from './quickstart/table.mjs';
import { findLost } from './quickstart/verify.mjs';

const folder = fileURLToPath(new URL('../data/quickstart', import.meta.url));
const files = { dbPath: join(folder, 'cities.db'), walPath: join(folder, 'buffer.wal') };
const cities = loadCities();

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
console.log(`${count(cities.length)} cities to store\n`);

const acknowledged = await loadUntilKilled();
const db = new SimpleDB(files); // replays the log
const recovered = db.stats().recoveredWrites;
const lost = await check('checking', cities.slice(0, acknowledged));
const writes = await finishLoad();
const wrong = new Set([...lost, ...(await check('checking all', cities))]);
console.log('\nreading: get, getMany, getAll');
const reads = await measureReads(db, cities);
db.close();
report();

/** A process of its own loads the cities and is killed half way. */
async function loadUntilKilled() {
  const progress = new Progress('loading', cities.length);
  const killAt = cities.length * (0.4 + Math.random() * 0.2);
  const done = await loadAndKill({ ...files, ledgerPath: join(folder, 'acknowledged'), killAt, progress });
  progress.end();
  console.log(`killed with SIGKILL after ${count(done)} acknowledged writes; opening the database again\n`);
  return done;
}

/** Compares each document; gives the ids of those that are missing or wrong. */
async function check(label, documents) {
  const progress = new Progress(label, documents.length);
  const missing = await findLost(db, documents, progress);
  progress.end();
  return missing;
}

/** Stores the rest. @returns {Promise<number>} writes per second, until the last one was durable */
async function finishLoad() {
  // The write that the kill interrupted was not acknowledged; it may be there all the same.
  const present = (await db.getAll(COLLECTION, Infinity)).length;
  if (present - acknowledged > 1) throw new Error(`${present - acknowledged} documents that nobody wrote`);
  console.log(`\nevery acknowledged write is there: ${lost.length === 0 ? 'yes' : 'NO'}; storing the rest`);
  const progress = new Progress('loading', cities.length);
  const first = Math.max(acknowledged, present);
  const rate = await perSecond(async () => {
    for (let i = first; i < cities.length; i++) {
      await db.set(COLLECTION, cities[i].id, cities[i].data);
      if (i % 1000 === 0) progress.update(i);
    }
    await db.flush();
    return cities.length - first;
  });
  progress.update(cities.length);
  progress.end();
  return rate;
}

function report() {
  const sizes = readdirSync(folder)
    .filter((name) => /_shard\d+\.db$/.test(name))
    .map((name) => statSync(join(folder, name)).size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  console.log('');
  printTable([
    ['documents', count(cities.length)],
    ['acknowledged before the kill', count(acknowledged)],
    ['recovered from the log', count(recovered)],
    ['lost or wrong', count(wrong.size)],
    ['set, writes per second, all durable', count(writes)],
    ['get, documents per second, random', count(reads.get)],
    ['getMany, documents per second', count(reads.getMany)],
    ['getAll, documents per second', count(reads.getAll)],
    ['shard files', count(sizes.length)],
    ['size of all shards', `${megabytes(total)} MB`],
    [
      'smallest and largest shard',
      `${megabytes(Math.min(...sizes))} and ${megabytes(Math.max(...sizes))} MB`,
    ],
  ]);
  if (lost.length > 0) {
    console.error(
      `\n${lost.length} documents are missing or wrong, for instance ${lost.slice(0, 5).join(', ')}`,
    );
    process.exitCode = 1;
  }
  console.log(
    `\nThe database is in ${relative(process.cwd(), folder)}: any SQLite tool opens the shard files.`,
  );
}

function count(number) {
  return Math.round(number).toLocaleString('en-US');
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
