// Starts programs that write, kills them, and compares what the next one finds with what they had acknowledged.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProgram } from './child.mjs';
import { pathsIn, sleep } from './database.mjs';
import { Figures } from './figures.mjs';
import { Model, oldLines, operation, WRITERS } from './operations.mjs';
import { randomFrom } from './random.mjs';
import { withScope } from './scope.mjs';

const SHARDS = 3;
const MIB = 2 ** 20;

/**
 * Kills programs `kills` times in a folder. The seed decides what they write, how they are set up and when they
 * are killed. With `safeMode: false` nobody uses a log, so that writes are lost.
 * @returns {Promise<Figures>}
 * @throws {Error} that tells what was lost
 */
export async function torture({ folder, seed, kills, safeMode = true, onProgress = () => {} }) {
  mkdirSync(folder, { recursive: true });
  const supervisor = new Supervisor(folder, seed, safeMode);
  while (supervisor.figures.allKills < kills) {
    await supervisor.anyProgram();
    onProgress(supervisor.figures);
  }
  await supervisor.finish();
  return supervisor.figures;
}

class Supervisor {
  figures = new Figures();
  #run = 0;
  /** What each writer is known to have left at the last verdict. */
  #known = WRITERS.map(() => new Model());
  /** The operations since that were acknowledged, the run that did them, and how many more may be there. */
  #since = { run: 0, acknowledged: WRITERS.map(() => 0), mayHaveMore: false, inOldLog: false };
  /** How long the last opening took, to hit the next one. */
  #openingMs = 20;

  constructor(folder, seed, safeMode) {
    Object.assign(this, { folder, seed, safeMode, random: randomFrom(seed) });
    this.files = { report: join(folder, 'report'), found: join(folder, 'found') };
  }

  async anyProgram() {
    if (this.safeMode && this.random(20) === 0) await this.#leaveOldLog();
    const place = this.#since.inOldLog && this.random(3) > 0 ? 0 : this.random(10);
    if (place < 4) await this.#program('opening');
    else if (place < 7) await this.#program('writing');
    else if (place < 9) await this.#program('closing');
    else await this.#program('never');
  }

  /** A last program finds and leaves everything in order, and another one nothing to recover. */
  async finish() {
    await this.#program('idle');
    const { recovered } = this.figures;
    await this.#program('idle');
    if (this.figures.recovered !== recovered)
      throw new Error('an opening after a clean close recovered something');
    const expected = Array.from({ length: SHARDS }, (_, i) => `test_shard${i}.db`);
    if (this.safeMode) expected.push('test.wal');
    const left = readdirSync(this.folder).filter((name) => !['report', 'found'].includes(name));
    if (left.sort().join() !== expected.sort().join()) throw new Error(`the kills left other files: ${left}`);
  }

  /** Puts a log of the old library's in the place of ours, as if it had run in between and been killed. */
  async #leaveOldLog() {
    // Leaves an empty log, and nothing that is not verified.
    await this.#program('idle');
    const run = ++this.#run;
    const acknowledged = WRITERS.map(() => this.random(80));
    const lines = acknowledged.flatMap((count, writer) =>
      Array.from({ length: count }, (_, index) =>
        oldLines(operation({ seed: this.seed, run, writer, index })),
      ).flat(),
    );
    // A write that was never acknowledged, because its line was cut off before its end.
    lines.push('{"collection":"users","id":"0-0","data":1'.slice(0, this.random(40)));
    writeFileSync(pathsIn(this.folder).walPath, lines.join(''));
    this.#since = { run, acknowledged, mayHaveMore: false, inOldLog: true };
  }

  #orders(moment) {
    const { random } = this;
    // Some runs use no log. They recover what others left in one, and are not killed once they have written.
    const safeMode = this.safeMode && (moment === 'writing' || random(6) > 0);
    const writes = moment !== 'idle' && (safeMode === this.safeMode || moment === 'never');
    const rareFlushes = { flushInterval: 2 ** 31 - 1, bufferSize: 2 ** 31 - 1 };
    const flushes =
      random(8) === 0 ? rareFlushes : { flushInterval: 1 + random(30), bufferSize: 20 + random(3000) };
    return {
      ...this.files,
      seed: this.seed,
      run: this.#run,
      writeMs: writes ? 30 + random(250) : 0,
      ending: moment !== 'idle' && safeMode && random(3) === 0 ? 'exit' : 'close',
      options: {
        ...pathsIn(this.folder),
        ...flushes,
        // Another size than the last makes the opening replace the log's file.
        walSize: random(3) === 0 ? (2 + random(3)) * MIB : MIB,
        ...(random(3) === 0 && { batchSize: 1 + random(40) }),
        shardCount: SHARDS,
        cacheBytes: 200_000,
        safeMode,
        logger: false,
      },
    };
  }

  /** Runs a program that is killed at a moment, or never, and judges what it found. */
  async #program(moment) {
    this.#run++;
    const orders = this.#orders(moment);
    writeFileSync(this.files.report, Buffer.alloc(WRITERS.length * 8));
    const { program, ended } = await withScope(async (scope) => {
      const program = startProgram(scope, 'torture.mjs', orders);
      await this.#killAt(moment, program, orders);
      return { program, ended: await program.ended };
    });
    const reached = (line) => ended.lines.includes(line);
    const byItself = ended.code === 0 && (reached('closed') || orders.ending === 'exit');
    if (!byItself && !(ended.signal === 'SIGKILL' && program.wasKilled))
      throw new Error(`run ${orders.run} ended by itself (${ended.code ?? ended.signal}):\n${ended.stderr}`);
    // What counts is where it was hit, not where it was aimed at.
    const hit = ['closing', 'found'].find(reached);
    this.figures.count(byItself ? 'ended' : (hit ?? 'opening'), this.#since.inOldLog);
    if (hit === undefined) return;
    this.#judge();
    this.#takeNote(!reached('closed'));
  }

  /** Random moments between two things that the program says. */
  async #killAt(moment, program, { writeMs }) {
    const until = async (line) => {
      while (![line, undefined].includes(await program.nextLine()));
    };
    const killWithin = async (ms) => {
      await sleep(this.random(1000) * 0.001 * ms);
      program.wasKilled = true;
      program.kill();
    };
    await until('opening');
    const start = performance.now();
    if (moment === 'opening') return killWithin(this.#openingMs * 1.2);
    await until('found');
    this.#openingMs = performance.now() - start;
    if (moment === 'writing') return killWithin(writeMs);
    if (moment === 'closing') {
      await until('closing');
      return killWithin(40);
    }
  }

  /** Compares what was found with what may be there, and takes it as known. */
  #judge() {
    const { documents, faults, recovered } = JSON.parse(readFileSync(this.files.found, 'utf8'));
    if (faults.length > 0) throw new Error(`run ${this.#run}: ${faults.join('\n  ')}`);
    const { run, acknowledged, mayHaveMore } = this.#since;
    const entries = Object.entries(documents);
    for (const [writer, { ahead }] of WRITERS.entries()) {
      const found = new Map(entries.filter(([key]) => key.split('/')[1].startsWith(`${writer}-`)));
      const model = this.#known[writer];
      const apply = (index) => model.apply(operation({ seed: this.seed, run, writer, index }));
      for (let index = 0; index < acknowledged[writer]; index++) apply(index);
      const must = model.differences(found);
      const last = acknowledged[writer] + (mayHaveMore ? ahead : 0);
      let index = acknowledged[writer];
      while (model.differences(found).length > 0) {
        if (index === last)
          throw new Error(
            `run ${this.#run}: ${acknowledged[writer]} operations of writer ${writer} in run ${run} were acknowledged, ` +
              `and neither they nor they and up to ${last - acknowledged[writer]} more make what was found:\n  ` +
              must.join('\n  '),
          );
        apply(index++);
      }
      this.figures.verified(acknowledged[writer], index - acknowledged[writer]);
    }
    this.figures.recovered += recovered;
  }

  /** Remembers what was acknowledged since the verdict. */
  #takeNote(mayHaveMore) {
    const report = readFileSync(this.files.report);
    const acknowledged = WRITERS.map((_, writer) => report.readDoubleLE(writer * 8));
    this.#since = { run: this.#run, acknowledged, mayHaveMore, inOldLog: false };
  }
}
