// The options of the npm commands.
import process from 'node:process';
import { parseArgs } from 'node:util';
import { fail, say } from './terminal.mjs';

/** The values of the options, `{ name: 'string' or 'boolean' }`. `--help` prints the usage and ends. */
export function readOptions(usage, types) {
  const typed = Object.entries({ ...types, help: 'boolean' }).map(([name, type]) => [name, { type }]);
  let values;
  try {
    ({ values } = parseArgs({ options: Object.fromEntries(typed) }));
  } catch (error) {
    fail(error.message, '', usage);
  }
  if (values.help) explain(usage);
  return values;
}

/** The arguments, which go to another program. `--help` prints the usage and ends. */
export function passArguments(usage) {
  const args = process.argv.slice(2);
  if (args.includes('--help')) explain(usage);
  return args;
}

function explain(usage) {
  say(usage);
  process.exit(0);
}

/** The value of the option `name`. */
export function integer(name, text, min, max) {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    fail(`${name} must be an integer from ${min} to ${max}, got '${text}'; --help tells more`);
  }
  return value;
}
