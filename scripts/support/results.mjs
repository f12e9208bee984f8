// Reads the numbers of passed and failed tests, and the names of those that failed, out of what the test programs print.
import { stripVTControlCharacters } from 'node:util';
import { seconds } from './terminal.mjs';

/** Runs a suite through `start(onLine)`, which gives its exit code, and counts with `read`. */
export async function countResults(name, read, start) {
  const started = Date.now();
  const count = { name, passed: 0, failed: 0, failures: [], code: 0, time: '' };
  count.code = await start((line) => read(stripVTControlCharacters(line), count));
  count.time = seconds(started);
  // A suite that ended badly before its first test (it did not compile, say) has not passed.
  if (count.code !== 0 && count.failed === 0) count.failed = 1;
  return count;
}

/**
 * Cargo sums up each test program: "test result: ok. 12 passed; 0 failed; ...", and says of each test how it ended:
 * "test name ... FAILED".
 */
export function readCargoLine(line, count) {
  const failure = /^test (.+) \.\.\. FAILED/.exec(line);
  if (failure) count.failures.push(failure[1]);
  const found = /^test result: \S+ (\d+) passed; (\d+) failed/.exec(line);
  if (!found) return;
  count.passed += Number(found[1]);
  count.failed += Number(found[2]);
}

/** AVA marks each test that passed or failed, and sums up everything that failed at the end. */
export function readAvaLine(line, count) {
  if (/^\s*[✔√] /.test(line)) count.passed += 1;
  const failure = /^\s*[✘×] \[fail\]: (.*)/.exec(line);
  if (failure) count.failures.push(failure[1]);
  const found =
    /^\s*(\d+) (?:(?:test|hook)s? failed|unhandled rejection|uncaught exception|tests? remained pending)/.exec(
      line,
    );
  if (found) count.failed += Number(found[1]);
}
