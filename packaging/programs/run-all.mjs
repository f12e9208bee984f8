// Runs one program after the other, each in a folder of its own, and prints what each of them has printed, as JSON. One process,
// because some runtimes take long to start. Arguments: paths of the programs.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

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
}
process.stdout.write(`${JSON.stringify(results)}\n`);
