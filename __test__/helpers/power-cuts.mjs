// Cuts the power of a machine that writes, again and again, and compares what is there afterwards with what had
// been acknowledged as being on the disk.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CutFigures } from './cut-figures.mjs';
import { sleep } from './database.mjs';
import { DISK, HOST } from './machine.mjs';
import { Model, operation, WRITERS } from './operations.mjs';
import { mix, randomFrom } from './random.mjs';
import { withScope } from './scope.mjs';

const MIB = 2 ** 20;

/** What cuts are aimed at, some more often than others. */
const MOMENTS = 'mounting opening opening opening writing writing writing writing first closing closed'.split(
  ' ',
);

/** What a power cut must not do. Anything else that is thrown says that the machine itself does not work. */
export class Loss extends Error {}

/**
 * Cuts the power `cuts` times. The seed decides what is written, how the database and the disk are set up and where the
 * cuts are aimed at. With `control: true` no sync of a file does anything, so that writes are lost.
 * Without a backend each opening takes another one by chance.
 * @returns {Promise<CutFigures>}
 * @throws {Loss} that tells what was lost
 */
export async function powerCuts({ machine, seed, cuts, backend, control = false, onProgress = () => {} }) {
  const supervisor = new Supervisor(machine, seed, backend, control);
  while (supervisor.figures.allCuts < cuts) {
    await supervisor.anyCut();
    onProgress(supervisor.figures);
  }
  await supervisor.finish();
  return supervisor.figures;
}

class Supervisor {
  figures = new CutFigures();
  #run = 0;
  #place = 0;
  /** What each writer is known to have left on the disk at the last verdict. */
  #known = WRITERS.map(() => new Model());
  /** The run since that wrote, how much of it is on the disk for certain, and how much there may be at most. */
  #since = { run: 0, durable: WRITERS.map(() => 0), last: WRITERS.map(() => 0) };
  /** How long the last mount and the last opening took, to hit the next one. */
  #ms = { mounting: 50, opening: 100 };

  constructor(machine, seed, backend, control) {
    Object.assign(this, { machine, seed, backend, control, random: randomFrom(seed) });
    this.files = { report: join(machine.shared, 'report'), found: join(machine.shared, 'found') };
  }

  async anyCut() {
    await this.#boot(MOMENTS[this.random(MOMENTS.length)]);
  }

  /** One more look at what the last cut left, which has to be in order. */
  async finish() {
    await this.#boot('idle');
  }

  #orders(moment) {
    const { random } = this;
    const rarely = { flushInterval: 2 ** 31 - 1, bufferSize: 2 ** 31 - 1 };
    const often = { flushInterval: 1 + random(40), bufferSize: 20 + random(3000) };
    return {
      report: `${HOST}/report`,
      found: `${HOST}/found`,
      folder: `${DISK}/database-${this.#place}`,
      // A new database now and then, because files and folders that are new can vanish as a whole.
      ...((moment === 'first' || (moment === 'writing' && random(3) === 0)) && {
        next: `${DISK}/database-${this.#place + 1}`,
      }),
      seed: this.seed,
      run: this.#run,
      writeMs: moment === 'idle' ? 0 : 100 + random(1500),
      options: {
        ...(moment === 'first' || random(8) === 0 ? rarely : often),
        // Another size than the last makes the opening replace the log's file.
        walSize: random(3) === 0 ? (2 + random(3)) * MIB : MIB,
        walBackend: this.backend ?? ['mmap', 'pwrite'][random(2)],
        shardCount: 3,
        cacheBytes: 200_000,
        logger: false,
      },
    };
  }

  /** Turns the machine on, cuts its power at a moment, and judges what it had found. */
  async #boot(moment) {
    this.#run++;
    const orders = this.#orders(moment);
    writeFileSync(this.files.report, Buffer.alloc(WRITERS.length * 16));
    const { said, tail } = await withScope(async (scope) => {
      const running = this.machine.boot(scope, {
        program: 'power-cut.mjs',
        orders,
        seed: mix(this.seed, this.#run),
        through: [0, 30, 70, 100][this.random(4)],
        preload: this.control ? this.machine.noSync : '',
      });
      await this.#waitFor(moment, running, orders);
      return running.cut();
    });
    const broken = said.find((line) => line.startsWith('cannot'));
    if (broken) throw new Error(`run ${this.#run}: ${broken}\n${tail}`);
    const problems = said.filter((line) => /^(problem|ended with code [^0])/.test(line));
    if (problems.length > 0) throw new Loss(`run ${this.#run}: ${problems.join('\n  ')}\n${tail}`);
    // What counts is where it was hit, not where it was aimed at.
    this.figures.count(['closed', 'closing', 'found', 'opening'].find((line) => said.includes(line)));
    if (!said.includes('found')) return;
    this.#judge();
    this.#takeNote(orders);
  }

  /** Random moments between two things that the machine says. */
  async #waitFor(moment, running, { writeMs }) {
    const within = (ms) => sleep(this.random(1000) * 0.001 * ms);
    await running.until('mounting');
    let start = performance.now();
    if (moment === 'mounting') return within(this.#ms.mounting * 1.2);
    await running.until('mounted');
    this.#ms.mounting = performance.now() - start;
    await running.until('opening');
    start = performance.now();
    if (moment === 'opening') return within(this.#ms.opening * 1.2);
    await running.until('found');
    this.#ms.opening = performance.now() - start;
    // Nothing but the first durable write has made the new database's files durable then.
    if (moment === 'first') return running.until('durable');
    if (moment === 'writing') return within(writeMs * 1.5);
    await running.until('closing');
    if (moment === 'closing') return within(300);
    await running.until('closed');
  }

  /** Compares what was found with what may be there, and takes it as known. */
  #judge() {
    const { documents, faults, recovered, damaged } = JSON.parse(readFileSync(this.files.found, 'utf8'));
    if (damaged > 0) faults.push(`the power cut was reported as ${damaged} damaged bytes`);
    if (faults.length > 0) throw new Loss(`run ${this.#run}: ${faults.join('\n  ')}`);
    const { run, durable, last } = this.#since;
    const entries = Object.entries(documents);
    for (const writer of WRITERS.keys()) {
      const found = new Map(entries.filter(([key]) => key.split('/')[1].startsWith(`${writer}-`)));
      const model = this.#known[writer];
      const apply = (index) => model.apply(operation({ seed: this.seed, run, writer, index }));
      for (let index = 0; index < durable[writer]; index++) apply(index);
      const must = model.differences(found);
      let index = durable[writer];
      while (model.differences(found).length > 0) {
        if (index === last[writer])
          throw new Loss(
            `run ${this.#run}: ${durable[writer]} operations of writer ${writer} in run ${run} were acknowledged as ` +
              `being on the disk, and neither they nor they and up to ${last[writer] - durable[writer]} more make ` +
              `what was found:\n  ${must.join('\n  ')}`,
          );
        apply(index++);
      }
      this.figures.verified(durable[writer], index - durable[writer], last[writer] - index);
    }
    this.figures.recovered += recovered;
  }

  /** Remembers what was acknowledged since the verdict. */
  #takeNote({ next }) {
    if (next !== undefined) {
      this.#place++;
      this.#known = WRITERS.map(() => new Model());
    }
    const report = readFileSync(this.files.report);
    const read = (writer, field) => report.readDoubleLE(writer * 16 + field * 8);
    this.#since = {
      run: this.#run,
      last: WRITERS.map(({ ahead }, writer) => read(writer, 0) + ahead),
      durable: WRITERS.map((_, writer) => read(writer, 1)),
    };
  }
}
