'use strict';

// What was answered, one after the other, and what happened between two answers.

const MOST_SAMPLES = 1000;

/** Newest last: `{ time, values }`, by the names below. */
const samples = [];
let before;

/** Of a database that is not open there is only its state. */
const hasFigures = (answer) => answer.shards !== undefined;

/** What happened between two answers, and what is so now. */
function sampleOf(now, last) {
  const values = {
    buffered: now.bufferedBytes,
    age: now.oldestAge,
    log: (100 * now.walBytes) / now.walSize,
  };
  // Counters that fell are those of another opening.
  const isSame =
    last !== undefined &&
    hasFigures(last) &&
    now.bufferedWrites >= last.bufferedWrites &&
    now.syncs >= last.syncs;
  if (!isSame) return { time: now.time, values };
  const passed = Math.max((now.time - last.time) / 1000, 0.001);
  const grown = (name) => Math.max(now[name] - last[name], 0);
  const reads = grown('cacheHits') + grown('cacheMisses');
  values.taken = grown('bufferedWrites') / passed;
  values.flushed = grown('flushedWrites') / passed;
  values.hits = grown('cacheHits') / passed;
  values.misses = grown('cacheMisses') / passed;
  values.hitRate = reads === 0 ? null : (100 * grown('cacheHits')) / reads;
  [values.flush50, values.flush99] = quantiles(now.flushTimes, last.flushTimes);
  [values.sync50, values.sync99] = quantiles(now.syncTimes, last.syncTimes);
  return { time: now.time, values };
}

/** The median and the 99th percentile of what is in a histogram and was not in it before. */
function quantiles(now, last) {
  const old = new Map(last.limits.map((limit, i) => [limit, last.counts[i]]));
  const fresh = now.limits.map((limit, i) => [limit, now.counts[i] - (old.get(limit) ?? 0)]);
  const total = fresh.reduce((sum, [, number]) => sum + number, 0);
  if (total === 0) return [null, null];
  return [0.5, 0.99].map((quantile) => {
    let seen = 0;
    for (const [limit, number] of fresh) {
      seen += number;
      if (seen >= total * quantile) return Math.min(limit, now.max);
    }
    return null;
  });
}

function nearest(seen, time) {
  const distance = (sample) => Math.abs(sample.time - time);
  return seen.reduce((best, sample) => (distance(sample) < distance(best) ? sample : best), seen[0]);
}

/** The times at both ends of the plots. They grow to what the reader has chosen. */
function shown() {
  const to = samples.at(-1)?.time ?? Date.now();
  const most = Number(of('span').value) * 1000;
  const lasted = to - (samples[0]?.time ?? to);
  return [to - Math.min(most, Math.max(lasted, 30_000)), to];
}

const samplesSince = (from) => samples.filter(({ time }) => time >= from);
