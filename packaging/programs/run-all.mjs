// Runs one program after the other, each in a folder of its own, and prints what each of them has printed, as JSON. One process,
// because some runtimes take long to start. Arguments: paths of the programs.
import diagnostics from 'node:diagnostics_channel';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

// What one program follows is not to be told of the next.
const followed = [];
const { subscribe } = diagnostics;
diagnostics.subscribe = (channel, listener) => {
  followed.push([channel, listener]);
  subscribe(channel, listener);
};

const results = {};
for (const path of process.argv.slice(2)) {
  if (!existsSync(path)) throw new Error(`${path} is missing`);
  const lines = [];
  // The runtimes show objects in different ways; this is the same in all.
  console.log = (...values) => lines.push(...format(...values).split('\n'));
  process.chdir(dirname(path));
  try {
    await (await import(pathToFileURL(path).href)).default?.done;
    results[path] = lines;
  } catch (error) {
    results[path] = String(error.stack);
  }
  for (const [channel, listener] of followed.splice(0)) diagnostics.unsubscribe(channel, listener);
}
process.stdout.write(`${JSON.stringify(results)}\n`);
