//! What the engine's threads note of their own work, for [`super::Stats`] and its like.
//!
//! Nothing here is touched by a `set` or a `get`.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use super::{clock, error::Error, histogram::Histogram, shard::ShardId};

/// How many failures are remembered.
const MOST_FAILURES: usize = 8;

#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) flush_times: Histogram,
    pub(crate) sync_times: Histogram,
    /// Failures after which the same was tried again.
    pub(crate) retries: AtomicU64,
    shards: Box<[ShardFigures]>,
    failures: Mutex<Failures>,
}

/// Of one shard. The scheduler writes it.
#[derive(Debug, Default)]
pub(crate) struct ShardFigures {
    /// Writes brought to it.
    flushed: AtomicU64,
    /// Writes of ended generations that it lacks.
    waiting: AtomicU64,
    /// When the oldest of these was called; 0: there are none.
    oldest_ms: AtomicU64,
    retries: AtomicU64,
    /// Why it lacks them, or has to be mended.
    failure: Mutex<Option<Error>>,
}

#[derive(Debug, Default)]
struct Failures {
    count: u64,
    /// Oldest first.
    newest: VecDeque<Failure>,
}

/// Something that failed in the background.
#[derive(Debug, Clone)]
pub struct Failure {
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// What.
    pub error: Error,
}

/// Figures of one shard.
#[derive(Debug, Clone)]
pub struct ShardStats {
    /// Its number.
    pub shard: ShardId,
    /// Writes brought to it.
    pub flushed_writes: u64,
    /// Writes that a flush has begun to bring to it.
    pub waiting_writes: u64,
    /// How long ago the oldest of these was called, in milliseconds.
    pub lag_ms: u64,
    /// Failures after which it was tried again.
    pub retries: u64,
    /// Why it cannot be written now. That another program holds it for a moment is no failure.
    pub failure: Option<Error>,
}

impl Figures {
    pub(crate) fn new(shards: u32) -> Self {
        Figures {
            flush_times: Histogram::default(),
            sync_times: Histogram::default(),
            retries: AtomicU64::new(0),
            shards: (0..shards).map(|_| ShardFigures::default()).collect(),
            failures: Mutex::default(),
        }
    }

    pub(crate) fn shard(&self, shard: usize) -> &ShardFigures {
        &self.shards[shard]
    }

    pub(crate) fn note_failure(&self, error: &Error) {
        let failure = Failure { time_ms: clock::now_ms(), error: error.clone() };
        let failures = &mut *self.failures.lock();
        failures.count += 1;
        failures.newest.push_back(failure);
        if failures.newest.len() > MOST_FAILURES {
            failures.newest.pop_front();
        }
    }

    pub(crate) fn failure_count(&self) -> u64 {
        self.failures.lock().count
    }

    /// The newest failures, oldest first.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        self.failures.lock().newest.iter().cloned().collect()
    }

    pub(crate) fn is_a_shard_failing(&self) -> bool {
        self.shards.iter().any(|shard| shard.failure.lock().is_some())
    }

    pub(crate) fn shards(&self) -> Vec<ShardStats> {
        let now = clock::now_ms();
        let load = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let stats = |(shard, figures): (ShardId, &ShardFigures)| ShardStats {
            shard,
            flushed_writes: load(&figures.flushed),
            waiting_writes: load(&figures.waiting),
            lag_ms: match load(&figures.oldest_ms) {
                0 => 0,
                oldest => now.saturating_sub(oldest),
            },
            retries: load(&figures.retries),
            failure: figures.failure.lock().clone(),
        };
        (0..).zip(&self.shards).map(stats).collect()
    }
}

impl ShardFigures {
    pub(crate) fn note_flushed(&self, writes: u64) {
        self.flushed.fetch_add(writes, Ordering::Relaxed);
    }

    /// It lacks so many writes, the oldest of that time.
    pub(crate) fn note_waiting(&self, writes: u64, oldest_ms: Option<u64>) {
        self.waiting.store(writes, Ordering::Relaxed);
        self.oldest_ms.store(oldest_ms.unwrap_or(0), Ordering::Relaxed);
    }

    pub(crate) fn note_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_failure(&self, failure: Option<&Error>) {
        *self.failure.lock() = failure.cloned();
    }
}
