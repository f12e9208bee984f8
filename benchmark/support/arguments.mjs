// Reads the command line.
import { isAbsolute, join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DRIVERS, LIMITS } from '../drivers/index.mjs';
import { WORKLOADS } from '../workloads/index.mjs';

const here = fileURLToPath(new URL('..', import.meta.url));

const USAGE = `npm run bench -- [workload ...] [options]

  workloads           ${WORKLOADS.join(', ')}; left out, all
  --drivers a,b       ${DRIVERS.join(', ')};
                      'bare' stands for all of the last four; left out, all
  --rounds n          how often each is measured (default 3); the medians are reported
  --count n           how many documents, for the workloads that have one number
  --quick             smaller, one round: all of it in about two minutes
  --large             grow up to 30 million documents, one round (needs about 10 GB)
  --smoke             only looks whether everything runs; the figures mean nothing
  --folder path       where the databases are (default benchmark/data)
  --out path          where results go (default benchmark/results after a full run, benchmark/results/trial else)
  --docs              measures nothing: plots and pages from benchmark/results/results.json
  --help              this text`;

const OPTIONS = {
  drivers: { type: 'string' },
  rounds: { type: 'string' },
  count: { type: 'string' },
  quick: { type: 'boolean', default: false },
  large: { type: 'boolean', default: false },
  smoke: { type: 'boolean', default: false },
  folder: { type: 'string' },
  out: { type: 'string' },
  docs: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
};

export function readArguments(args) {
  const { values, positionals } = parse(args);
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  if ([values.quick, values.large, values.smoke].filter(Boolean).length > 1) {
    fail('--quick, --large and --smoke exclude each other');
  }
  const workloads = known('workload', positionals, WORKLOADS);
  const drivers = known('driver', expandDrivers(values.drivers), DRIVERS);
  const count = values.count === undefined ? undefined : wholeNumber('--count', values.count);
  const size = values.smoke ? 'smoke' : values.quick ? 'quick' : 'full';
  const rounds = values.rounds === undefined ? undefined : wholeNumber('--rounds', values.rounds);
  const isFull =
    size === 'full' && count === undefined && isAll(workloads, WORKLOADS) && isAll(drivers, DRIVERS);
  return {
    workloads,
    drivers,
    count,
    size,
    rounds: rounds ?? (size === 'full' ? 3 : 1),
    isLarge: values.large,
    isSmoke: values.smoke,
    docsOnly: values.docs,
    folder: place(values.folder) ?? join(here, 'data', values.smoke ? 'smoke' : 'run'),
    out: place(values.out) ?? join(here, 'results', isFull ? '' : values.smoke ? 'smoke' : 'trial'),
  };
}

function parse(args) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    return fail(error.message);
  }
}

function expandDrivers(text) {
  const names = text === undefined ? [] : text.split(',').filter((name) => name !== '');
  return names.flatMap((name) => (name === 'bare' ? LIMITS : [name]));
}

/** The names in the order of the report, each once; all where none is given. */
function known(what, names, all) {
  for (const name of names) {
    if (!all.includes(name)) fail(`There is no ${what} '${name}'. There are: ${all.join(', ')}`);
  }
  return names.length === 0 ? [...all] : all.filter((name) => names.includes(name));
}

const isAll = (names, all) => names.length === all.length;

function wholeNumber(name, text) {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number > 0) return number;
  return fail(`${name} must be a whole number above 0, got '${text}'`);
}

/** npm runs this in another folder than the one where the command was typed. */
function place(path) {
  if (path === undefined || isAbsolute(path)) return path;
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}

function fail(message) {
  console.error(`${message}\n\n${USAGE}`);
  process.exit(1);
}
