// The npm commands look at their arguments before they install or build anything.

import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { useFolder } from './helpers/database.mjs';

/** Runs a script where there is neither npm nor Rust. */
function runScript(t, name, args) {
  const script = fileURLToPath(new URL(`../scripts/${name}.mjs`, import.meta.url));
  const folder = useFolder(t);
  const env = { PATH: folder, HOME: folder, USERPROFILE: folder };
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', env });
}

for (const [name, command] of [
  ['test', 'npm test'],
  ['bench', 'npm run bench'],
  ['load', 'npm run load'],
  ['compat', 'npm run compat'],
  ['package', 'npm run package'],
  ['package-test', 'npm run package:test'],
]) {
  test(`${command} -- --help explains it and does nothing`, (t) => {
    const { status, stdout, stderr } = runScript(t, name, ['--help']);
    t.deepEqual([status, stderr], [0, '']);
    t.true(stdout.startsWith(`${command} -- [`), stdout);
    t.notRegex(stdout, /^> /m, 'no step');
  });
}

for (const [name, args, sentence] of [
  ['bench', ['--nope'], /^Unknown option '--nope'/],
  ['bench', ['seed', 'nope'], /^There is no workload 'nope'/],
  ['bench', ['--drivers', 'nope'], /^There is no driver 'nope'/],
  ['load', ['--nope'], /^\nUnknown option '--nope'/],
  ['load', ['--stores', 'nope'], /^\n--stores takes kimdb, kimdb-old, none, got 'nope'/],
  ['package', ['--nope'], /^\nUnknown option '--nope'/],
]) {
  test(`npm run ${name} -- ${args.join(' ')} is refused and does nothing`, (t) => {
    const { status, stdout, stderr } = runScript(t, name, args);
    t.deepEqual([status, stdout], [1, '']);
    t.regex(stderr, sentence);
  });
}
