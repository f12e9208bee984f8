// How late the event loop is, and how much memory and processor time the server takes.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';

const SAMPLE_MS = 250;

export class Watch {
  // One for the samples and one for the figures of a phase: a histogram can only be read as a whole.
  #sampled = startDelays();
  #phase = startDelays();
  #cpu = process.cpuUsage();
  #since = performance.now();
  #most = { rss: 0, heapUsed: 0, external: 0 };
  #timer;

  constructor(onSample) {
    this.#timer = setInterval(() => onSample(this.#sample()), SAMPLE_MS);
  }

  #sample() {
    const { rss, heapUsed, external } = this.#look();
    const sample = { at: Date.now(), loop: delaysOf(this.#sampled), rss, heapUsed, external };
    this.#sampled.reset();
    return sample;
  }

  #look() {
    const memory = process.memoryUsage();
    for (const kind of Object.keys(this.#most)) this.#most[kind] = Math.max(this.#most[kind], memory[kind]);
    return memory;
  }

  /** What happened since the last call: delays in milliseconds, processor time in cores, the most memory in bytes. */
  measure() {
    this.#look();
    const now = performance.now();
    const { user, system } = process.cpuUsage(this.#cpu);
    const milliseconds = now - this.#since;
    const figures = {
      // Where the timer did not come at all, it was late for the whole phase.
      loop: delaysOf(this.#phase) ?? { p50: milliseconds, p99: milliseconds, max: milliseconds },
      cores: (user + system) / 1000 / milliseconds,
      memory: this.#most,
    };
    this.#phase.reset();
    this.#cpu = process.cpuUsage();
    this.#since = now;
    this.#most = { rss: 0, heapUsed: 0, external: 0 };
    return figures;
  }

  end() {
    clearInterval(this.#timer);
    this.#sampled.disable();
    this.#phase.disable();
  }
}

function startDelays() {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  return delays;
}

/** A delay holds the millisecond that the timer was to take. Null: the loop did not come to the timer. */
function delaysOf(delays) {
  if (delays.count === 0) return null;
  const value = (nanoseconds) => nanoseconds / 1e6;
  return { p50: value(delays.percentile(50)), p99: value(delays.percentile(99)), max: value(delays.max) };
}
