// The bulk example of the API document on each driver: npm run bench -- --rounds 5 --count 1000000
import { writeFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine } from './support/machine.mjs';
import { measure } from './support/process.mjs';
import { printSummary, summarise } from './support/report.mjs';
import { title } from './workloads/seed.mjs';

const REFERENCE = 'kimdb';
const { values } = parseArgs({
  options: {
    drivers: { type: 'string', default: 'kimdb,kimdb-old,lmdb' },
    rounds: { type: 'string', default: '5' },
    count: { type: 'string', default: '1000000' },
    folder: { type: 'string', default: fileURLToPath(new URL('data', import.meta.url)) },
    json: { type: 'string' },
  },
});
const names = values.drivers.split(',');
const count = wholeNumber('count');
const rounds = wholeNumber('rounds');
// npm runs this in another folder than the one where the command was typed.
const typedIn = process.env.INIT_CWD ?? process.cwd();
const place = (path) => (isAbsolute(path) ? path : resolve(typedIn, path));
const folder = place(values.folder);

const machine = describeMachine(folder);
const drivers = await Promise.all(names.map(describeDriver));
printConditions();
const results = await runRounds();
const rows = summarise(results, names, REFERENCE);
console.log('');
printSummary(rows, REFERENCE);
if (values.json) {
  const report = { workload: 'seed', count, rounds, machine, drivers, rows, results };
  writeFileSync(place(values.json), `${JSON.stringify(report, null, 2)}\n`);
}

async function describeDriver(name) {
  const { version, settings, durability } = await import(`./drivers/${name}.mjs`);
  return { name, version, settings, durability };
}

function printConditions() {
  console.log(`${title}: ${count.toLocaleString('en-US')} documents, ${rounds} rounds, drivers in turn`);
  for (const [key, value] of Object.entries(machine)) console.log(`  ${key}: ${value}`);
  for (const { name, version, settings, durability } of drivers) {
    console.log(`\n  ${name} ${version}: ${settings}`);
    console.log(`    process killed: ${durability.killed}`);
    console.log(`    power lost: ${durability.powerLost}`);
  }
  console.log('');
}

/** The drivers take turns: what else the machine does meanwhile hits all of them alike. */
async function runRounds() {
  const all = [];
  for (let round = 1; round <= rounds; round++) {
    // Each round begins with another driver, so that none always follows the same one.
    for (const driver of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
      const result = await measure({ workload: 'seed', driver, folder, options: { count } });
      all.push({ round, driver, ...result });
      const rate = Math.round((result.operations / result.milliseconds) * 1000).toLocaleString('en-US');
      console.log(`round ${round}  ${driver.padEnd(12)} ${rate.padStart(12)} ops/s`);
    }
  }
  return all;
}

function wholeNumber(name) {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number > 0) return number;
  console.error(`--${name} must be a whole number above 0, got ${values[name]}`);
  process.exit(1);
}
