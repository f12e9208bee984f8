// npm run instructions: how many instructions a set and a get take of the thread that calls, counted by valgrind, which no
// other load on the machine changes. Fails where one takes over 5 % more than benches/instructions.json says.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { readOptions } from './support/arguments.mjs';
import { output, root, run } from './support/command.mjs';
import { fail, say, step } from './support/terminal.mjs';

const CALLS = ['set', 'set, then get', 'get, buffered', 'get, cached', 'get, stored'];
const [FEW, MANY] = [1000, 11_000];
const VALGRIND = ['--tool=callgrind', '--separate-threads=yes'];
const RUNS = 3;
const MOST = 1.05;
const FILE = join(root, 'benches', 'instructions.json');

const USAGE = `npm run instructions -- [--update]

  --update  what is counted now becomes the mark
  --help    this text`;

const { update } = readOptions(USAGE, { update: 'boolean' });
if (!output('valgrind', ['--version'])) fail('There is no valgrind. On Debian: apt-get install valgrind');
const program = await build();
step('Counting instructions');
const conditions = { rustc: output('rustc', ['--version']), machine: `${process.platform} ${process.arch}` };
const counts = Object.fromEntries(CALLS.map((call) => [call, Math.round(perCall(call))]));
if (update) {
  writeFileSync(FILE, `${JSON.stringify({ ...conditions, counts }, null, 2)}\n`);
  for (const call of CALLS) say(`${call.padEnd(14)} ${counts[call]}`);
} else {
  compare(JSON.parse(readFileSync(FILE, 'utf8')));
}

async function build() {
  step('Building benches/instructions.rs');
  let path;
  const onLine = (line) => {
    const message = JSON.parse(line);
    if (message.reason === 'compiler-artifact' && message.target.name === 'instructions') {
      path = message.executable;
    }
  };
  const args = ['bench', '--no-run', '--no-default-features', '--bench', 'instructions'];
  const code = await run('cargo', [...args, '--message-format=json-render-diagnostics'], {
    onLine,
    hidden: true,
  });
  if (code !== 0 || !path) fail('The program did not build; the compiler says why above.');
  return path;
}

/** What the start of the program takes is in both counts. */
function perCall(call) {
  return (fewest(call, MANY) - fewest(call, FEW)) / (MANY - FEW);
}

/** Hash tables are seeded by chance. */
function fewest(call, count) {
  return Math.min(...Array.from({ length: RUNS }, () => ofCaller(call, count)));
}

/** What the flush threads do beside the caller, and how much of it before the program ends, is chance: they are left out. */
function ofCaller(call, count) {
  const { stderr, counts } = runCounted(call, count);
  const total = /^totals: (\d+)/m.exec(counts);
  if (!total) fail(`valgrind did not count '${call}':`, stderr);
  return Number(total[1]);
}

/** What valgrind says, and what it has counted of the first thread, if anything. */
function runCounted(call, count) {
  const folder = mkdtempSync(join(tmpdir(), 'kimdb-instructions-'));
  try {
    const args = [
      ...VALGRIND,
      `--callgrind-out-file=${join(folder, 'counts')}`,
      program,
      call,
      String(count),
    ];
    const { status, stderr } = spawnSync('valgrind', args, { cwd: root, encoding: 'utf8' });
    const file = join(folder, 'counts-01');
    return { stderr, counts: status === 0 && existsSync(file) ? readFileSync(file, 'utf8') : '' };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function compare(known) {
  const comparable = Object.entries(conditions).every(([name, value]) => known[name] === value);
  const risen = [];
  for (const call of CALLS) {
    const ratio = counts[call] / known.counts[call];
    say(
      `${call.padEnd(14)} ${String(counts[call]).padStart(6)}   ${ratio.toFixed(3)} x ${known.counts[call]}`,
    );
    if (ratio > MOST) risen.push(call);
    if (comparable && ratio < 1 / MOST)
      say('  It takes less now. npm run instructions -- --update makes that the mark.');
  }
  if (!comparable) {
    say(
      `Counted with ${known.rustc} on ${known.machine}; other compilers give other numbers, so nothing is held against them.`,
    );
  } else if (risen.length > 0) {
    fail(
      `More than 5 % more instructions: ${risen.join(', ')}.`,
      'If that is worth it, say why in the commit, and: npm run instructions -- --update',
    );
  }
}
