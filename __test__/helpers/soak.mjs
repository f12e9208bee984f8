// Runs the program that soaks a database and judges what it held: memory and files have to stop growing.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Of the JavaScript heap: where there is much memory, V8 lets garbage lie for minutes. */
const HEAP_MIB = 256;
const PROGRAM = fileURLToPath(new URL('../programs/soak/run.mjs', import.meta.url));

/**
 * `seconds`, `keys`, `huge` (bytes of the largest values), `seed`, `verify` (how many keys are compared in the end, at least).
 * Resolves to `{ samples, done }` when everything was as written; rejects with what was not.
 */
export async function soak({ onSample = () => {}, ...orders }) {
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${HEAP_MIB}`, PROGRAM, JSON.stringify(orders)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const start = Date.now();
  const samples = [];
  const faults = [];
  let done;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const told = JSON.parse(line);
    if (told.sample !== undefined) {
      samples.push({ seconds: (Date.now() - start) / 1000, ...told.sample });
      onSample(samples.at(-1));
    }
    if (told.fault !== undefined) faults.push(told.fault);
    done = told.done ?? done;
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const ending = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ?? code));
  });
  if (faults.length > 0) throw new Error(`${faults.length} faults, the first: ${faults[0]}`);
  if (ending !== 0 || errors !== '' || done === undefined) throw new Error(`ended with ${ending}: ${errors}`);
  return { samples, done };
}

/**
 * Whether a figure has stopped growing: its median in the last third of the run is not above that of the middle third by more
 * than a part of it or so many bytes, whichever is more. The first third is for everything to fill.
 */
export function plateau(samples, name, { part, bytes }) {
  const third = Math.floor(samples.length / 3);
  const medianOf = (some) => median(some.map((sample) => sample[name] ?? 0));
  const middle = medianOf(samples.slice(third, 2 * third));
  const last = medianOf(samples.slice(2 * third));
  return { name, middle, last, isFlat: third > 0 && last - middle <= Math.max(part * middle, bytes) };
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
