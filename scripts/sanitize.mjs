// npm run sanitize: the engine's tests under the compiler's sanitizers, which see what tests alone do not.
// npm run sanitize -- --only address     reads and writes outside of what was allocated, and after it was freed
// npm run sanitize -- --only thread      two threads at the same memory without an order between them
// More arguments say which tests: npm run sanitize -- --only thread --test threads
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { output, root, run } from './support/command.mjs';
import { requireTools } from './support/requirements.mjs';
import { fail, say, step } from './support/terminal.mjs';

// Each process writes a file of that name and its number.
const REPORT = join(root, 'target', 'sanitize-thread.log');

// These run programs under strace, where leaks cannot be looked for.
const TRACED = ['crash', 'faults'];

const args = process.argv.slice(2);
const at = args.indexOf('--only');
const [only] = at < 0 ? [undefined] : args.splice(at, 2).slice(1);
if (at >= 0 && !['address', 'thread'].includes(only))
  fail('npm run sanitize -- [--only address|thread] [tests]');

requireTools();
if (!output('cargo', ['+nightly', '--version'])) {
  fail('nightly Rust was not found. Get it with: rustup toolchain install nightly --profile minimal');
}
const host = /^host: (.+)$/m.exec(output('rustc', ['+nightly', '-vV']))[1];
if (!/^(x86_64|aarch64)-unknown-linux-gnu$/.test(host))
  fail(`The sanitizers run on Linux with glibc, this is ${host}.`);

if (only !== 'thread') await address();
if (only !== 'address') await thread();
process.exitCode = 0;

function test(sanitizer, tests, env) {
  return run(
    'cargo',
    ['+nightly', 'test', '--no-default-features', '--target', host, '--no-fail-fast', ...tests],
    {
      env: {
        ...env,
        // Apart from the usual build, whose parts do not fit.
        CARGO_TARGET_DIR: join(root, 'target', `sanitize-${sanitizer}`),
      },
    },
  );
}

async function address() {
  step('AddressSanitizer');
  const env = { RUSTFLAGS: '-Zsanitizer=address' };
  const named = (names) => names.flatMap((name) => ['--test', name]);
  const names = readdirSync(join(root, 'tests')).map((name) => name.replace(/\.rs$/, ''));
  const others = names.filter((name) => name !== 'common' && !TRACED.includes(name));
  const code =
    args.length > 0
      ? await test('address', args, env)
      : (await test('address', ['--lib', ...named(others)], env)) ||
        (await test('address', named(TRACED), { ...env, ASAN_OPTIONS: 'detect_leaks=0' }));
  if (code !== 0) fail('AddressSanitizer or a test complains; see above.');
}

/**
 * The standard library's own locks are invisible to the sanitizer here, so it takes everything that is handed over
 * through them for a race. What counts is the log's memory and SQLite, which are guarded by locks that it does see.
 */
async function thread() {
  step('ThreadSanitizer');
  for (const file of reports()) rmSync(file);
  const tests = args.length > 0 ? args : ['--lib', '--test', 'threads', '--test', 'model'];
  const code = await test('thread', tests, {
    // The standard library comes compiled, without the sanitizer.
    RUSTFLAGS: '-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer',
    // SQLite is compiled with it too.
    [`CFLAGS_${host.replaceAll('-', '_')}`]: '-fsanitize=thread',
    TSAN_OPTIONS: `log_path=${REPORT} exitcode=0 atexit_sleep_ms=0`,
    PROPTEST_CASES: process.env.PROPTEST_CASES ?? '20',
  });
  if (code !== 0) fail('A test failed; see above.');
  const races = reports().flatMap((file) => readFileSync(file, 'utf8').split('='.repeat(18)));
  const all = races.filter((text) => text.includes('WARNING: ThreadSanitizer'));
  const ours = all.filter((text) => /engine\/log\/ring\.rs|sqlite3\.c/.test(text));
  if (ours.length > 0) {
    console.error(ours[0]);
    fail(`${ours.length} races in the log's memory or in SQLite; the first is above, all are in ${REPORT}.*`);
  }
  say(`No race in the log's memory or in SQLite. ${all.length} other reports are in ${REPORT}.*`);
}

function reports() {
  const folder = join(REPORT, '..');
  const names = readdirSync(folder).filter((name) => name.startsWith('sanitize-thread.log.'));
  return names.map((name) => join(folder, name));
}
