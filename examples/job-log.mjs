// A job log: a job that was accepted is done, even if the program is killed in between.
//
//   node examples/job-log.mjs          accepts ten jobs and does them, and those that an earlier run left
//   node examples/job-log.mjs --try    is killed half way, starts again, and finishes
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import SimpleDB from 'kimdb/hyperscale';

const ALL = Number.POSITIVE_INFINITY;

class JobLog {
  #db;

  constructor(db) {
    this.#db = db;
  }

  /** Resolves once the job is on the disk. Its id sorts by the time at which it came. */
  async accept(job) {
    return (await this.#db.setSync('jobs', null, job)).id;
  }

  /** Accepted and not done, in the order in which they came. */
  async open() {
    const jobs = await this.#db.getAll('jobs', ALL);
    return jobs.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** The result before the removal: after a kill between the two the job is done again, but never lost. */
  async finish(id, result) {
    await this.#db.set('results', id, result);
    await this.#db.delete('jobs', id);
  }

  async results() {
    return this.#db.getAll('results', ALL);
  }
}

/** `killAfter`: the program ends itself with SIGKILL after so many jobs, to show what happens then. */
async function run({ accepting, killAfter }) {
  const db = new SimpleDB({ dbPath: './data/jobs.db', walPath: './data/jobs.wal', logger: false });
  const log = new JobLog(db);
  const left = await log.open();
  if (left.length > 0) console.log(`${left.length} jobs left by an earlier run`);
  await Promise.all(Array.from({ length: accepting }, (_, i) => log.accept({ square: i })));

  let done = 0;
  for (const { id, data } of await log.open()) {
    await log.finish(id, { square: data.square, is: data.square ** 2 });
    done += 1;
    if (done === killAfter) process.kill(process.pid, 'SIGKILL');
  }
  const results = await log.results();
  console.log(`${done} jobs done, ${results.length} results, ${(await log.open()).length} jobs open`);
  db.close();
}

function tryIt() {
  const program = fileURLToPath(import.meta.url);
  const again = (...args) => spawnSync(process.execPath, [program, ...args], { stdio: 'inherit' });
  const { signal } = again('--kill-after', '4');
  console.log(`ended by ${signal}`);
  process.exitCode = again('--accept', '0').status;
}

const option = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : Number(process.argv[at + 1]);
};
if (process.argv.includes('--try')) tryIt();
else await run({ accepting: option('--accept') ?? 10, killAfter: option('--kill-after') });
