// The process that is killed. It writes city after city and notes each acknowledged write.
// Arguments: the paths of the database, the log and the ledger.
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import SimpleDB from 'kimdb/hyperscale';
import { COLLECTION, loadCities } from './cities.mjs';
import { Ledger } from './ledger.mjs';

const [dbPath, walPath, ledgerPath] = process.argv.slice(2);
const cities = loadCities();
const ledger = new Ledger(ledgerPath, 'w');
const db = new SimpleDB({ dbPath, walPath });

for (const [index, { id, data }] of cities.entries()) {
  await db.set(COLLECTION, id, data);
  ledger.write(index + 1);
  // Should have been killed by now: the other process is late, so wait for it.
  if (index > cities.length * 0.8) await pause(10);
}
// Not killed at all: the parent takes this for an error.
db.close();
