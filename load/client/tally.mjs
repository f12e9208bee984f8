// Counts the answers of a phase. Latencies are in milliseconds here, and in whole microseconds in the histograms.
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';

const SAMPLE_MS = 250;
/** So many problems are told in words. */
const TOLD = 5;

export class Tally {
  #latency = { all: createHistogram(), read: createHistogram(), write: createHistogram() };
  #sampled = createHistogram();
  #requests = 0;
  #failed = 0;
  #wrong = 0;
  #problems = [];
  #since = performance.now();
  #cpu = process.cpuUsage();
  // Latencies contain how late this process is itself, so that is told too.
  #loop = monitorEventLoopDelay({ resolution: 1 });
  #timer;

  constructor(onSample) {
    this.#loop.enable();
    this.#timer = setInterval(() => {
      onSample({ at: Date.now(), latency: latencyOf(this.#sampled) });
      this.#sampled.reset();
    }, SAMPLE_MS);
  }

  /** @type {import('./user.mjs').OnAnswer} */
  count(kind, latencyMs, problem) {
    this.#requests += 1;
    if (problem) this.#note(problem);
    const microseconds = Math.max(1, Math.round(latencyMs * 1000));
    this.#latency.all.record(microseconds);
    this.#latency[kind].record(microseconds);
    this.#sampled.record(microseconds);
  }

  #note({ failed, wrong }) {
    if (failed) this.#failed += 1;
    else this.#wrong += 1;
    if (this.#problems.length < TOLD) this.#problems.push(failed ?? wrong);
  }

  finish() {
    clearInterval(this.#timer);
    this.#loop.disable();
    const milliseconds = performance.now() - this.#since;
    const { user, system } = process.cpuUsage(this.#cpu);
    const { all, read, write } = this.#latency;
    return {
      requests: this.#requests,
      milliseconds,
      failed: this.#failed,
      wrong: this.#wrong,
      problems: this.#problems,
      latency: { all: latencyOf(all), read: latencyOf(read), write: latencyOf(write) },
      cores: (user + system) / 1000 / milliseconds,
      loopP99: this.#loop.percentile(99) / 1e6,
    };
  }
}

/** Nothing was answered: null, which JSON keeps. */
function latencyOf(histogram) {
  if (histogram.count === 0) return null;
  const value = (percent) => histogram.percentile(percent) / 1000;
  return { p50: value(50), p99: value(99), p999: value(99.9), max: histogram.max / 1000 };
}
