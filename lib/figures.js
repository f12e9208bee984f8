'use strict';

// The figures of an instance, put together from what the engine counts and what is counted in JavaScript.

/** The figures of `stats()`; with those of each shard only where they are asked for. */
function statsOf(engine, withShards) {
  engine.invoke('countHits', engine.documents.takeHits());
  // An object of ours: where modules have a realm of their own, as in Jest, that of the addon is of another.
  const stats = { ...engine.invoke('stats') };
  stats.cacheBytes += engine.documents.bytes;
  stats.flushTime = summary(engine.invoke('flushTimes'));
  stats.syncTime = summary(engine.invoke('syncTimes'));
  stats.lastError = failuresOf(engine).at(-1) ?? null;
  if (withShards) stats.shards = shardsOf(engine);
  stats.waitingCalls = engine.waitingCalls;
  return stats;
}

/** All figures, for those who show them. */
function figuresOf(engine) {
  return {
    ...statsOf(engine, true),
    flushTimes: engine.invoke('flushTimes'),
    syncTimes: engine.invoke('syncTimes'),
    recentErrors: failuresOf(engine),
  };
}

function failuresOf(engine) {
  return Array.from(engine.invoke('failures'), (failure) => ({ ...failure }));
}

function shardsOf(engine) {
  const ofShard = ({ error, ...figures }) => ({ ...figures, error: error ? { ...error } : null });
  return Array.from(engine.invoke('shardStats'), ofShard);
}

function summary({ count, p50, p90, p99, max }) {
  return { count, p50, p90, p99, max };
}

module.exports = { statsOf, figuresOf };
