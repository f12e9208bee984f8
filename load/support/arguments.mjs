// Reads the command line.
import { isAbsolute, join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { integer, readOptions } from '../../scripts/support/arguments.mjs';
import { fail } from '../../scripts/support/terminal.mjs';
import { STORES } from '../stores/index.mjs';

const here = fileURLToPath(new URL('..', import.meta.url));

/** A full run, which is the one that is shown, and one that only looks whether everything works. */
const FULL = { connections: 10_000, seconds: 20, rate: 4000, rounds: 3, bursts: 5, burstEveryMs: 2000 };
const SMOKE = { connections: 200, seconds: 2, rate: 500, rounds: 1, bursts: 2, burstEveryMs: 200 };
const SMOKE_STORES = ['kimdb', 'none'];

const USAGE = `npm run load -- [options]

  --connections n     how many are open at the same time (default ${FULL.connections})
  --rate n            requests a second, over all connections (default ${FULL.rate})
  --seconds n         how long reads and writes go on (default ${FULL.seconds})
  --bursts n          how often all connections write at once after that (default ${FULL.bursts})
  --stores a,b        ${STORES.join(', ')}; left out, all
  --rounds n          how often each store is measured (default ${FULL.rounds}); the medians are reported
  --smoke             few connections for a moment, without kimdb-old; the figures mean nothing
  --folder path       where the databases are (default load/data)
  --out path          where results go (default load/results after a full run, load/results/trial else)
  --docs              measures nothing: the plot and the page from load/results/results.json
  --help              this text`;

const NUMBERS = {
  connections: [1, 60_000],
  rate: [1, 1_000_000],
  seconds: [1, 100_000],
  bursts: [1, 1000],
  rounds: [1, 100],
};

export function readArguments() {
  const texts = Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, 'string']));
  const values = readOptions(USAGE, {
    ...texts,
    stores: 'string',
    folder: 'string',
    out: 'string',
    smoke: 'boolean',
    docs: 'boolean',
  });
  const size = { ...(values.smoke ? SMOKE : FULL) };
  let isFull = !values.smoke && values.stores === undefined;
  for (const [name, [least, most]] of Object.entries(NUMBERS)) {
    if (values[name] === undefined) continue;
    size[name] = integer(`--${name}`, values[name], least, most);
    if (size[name] < FULL[name]) isFull = false;
  }
  const kind = values.smoke ? 'smoke' : isFull ? '' : 'trial';
  return {
    size,
    stores: readStores(values.stores, values.smoke),
    isSmoke: Boolean(values.smoke),
    docsOnly: Boolean(values.docs),
    folder: place(values.folder) ?? join(here, 'data', values.smoke ? 'smoke' : 'run'),
    out: place(values.out) ?? join(here, 'results', kind),
  };
}

/** In the order of the report, each once. */
function readStores(text, isSmoke) {
  if (text === undefined) return isSmoke ? SMOKE_STORES : STORES;
  const names = text.split(',');
  const unknown = names.find((name) => !STORES.includes(name));
  if (unknown !== undefined) fail(`--stores takes ${STORES.join(', ')}, got '${unknown}'`, '', USAGE);
  return STORES.filter((name) => names.includes(name));
}

/** npm runs this in another folder than the one where the command was typed. */
function place(path) {
  if (path === undefined || isAbsolute(path)) return path;
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}
