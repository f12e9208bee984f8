//! Figures about an open database.

use std::{sync::atomic::Ordering, time::Duration};

use super::{Database, clock, core::Core, figures::Failure, figures::ShardStats, histogram::Times};

/// How a database is. Where several are true, the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing is wrong.
    Ok,
    /// The log is full, and writes wait for room.
    Waiting,
    /// A shard cannot be written. It is tried again, and its writes stay in the log.
    Retrying,
    /// The log cannot be written, so writes fail. Another file for it is tried again and again.
    Refusing,
    /// Writes fail until the database is opened again.
    Readonly,
}

/// Totals count from the opening; the rest is as of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Writes accepted, in operations.
    pub buffered_writes: u64,
    /// Writes brought to the shards.
    pub flushed_writes: u64,
    /// Writes accepted and not yet in the shards.
    pub buffer_size: u64,
    /// Reads answered from buffer or cache.
    pub cache_hits: u64,
    /// Reads that went to a shard.
    pub cache_misses: u64,
    /// Writes logged in a file.
    pub wal_writes: u64,
    /// Writes found in the log at open and brought to the shards.
    pub recovered_writes: u64,
    /// Bytes of the log that could not be recovered at open, because they had changed on the disk.
    pub damaged_bytes: u64,
    /// Number of shards.
    pub shard_count: u32,
    /// Whether writes are logged in a file.
    pub safe_mode: bool,
    /// Documents in the cache.
    pub cache_size: usize,
    /// Bytes in the cache.
    pub cache_bytes: usize,
    /// Bytes of the log in use.
    pub wal_bytes: u64,
    /// Bytes of the log's ring.
    pub wal_size: u64,
    /// Bytes of writes that wait for room in the log, or for a thread that writes a slow one.
    pub waiting_bytes: u64,
    /// Bytes of the index over what is buffered, which reads need.
    pub index_bytes: usize,
    /// Bytes of pages and statements that SQLite keeps for all shards, and of what is kept in mind for lists of the newest documents.
    pub sqlite_bytes: usize,
    /// Bytes of memory that the engine takes: the ring unless it is a mapped file, what waits, index, cache and SQLite.
    pub memory_bytes: usize,
    /// Flushes that wrote something.
    pub flushes: u64,
    /// Syncs of the log.
    pub syncs: u64,
    /// How it is.
    pub state: State,
    /// Bytes of writes that are not in the shards, as they lie in the log or wait for room in it. With a shard that fails, all
    /// that was written since its oldest one counts.
    pub buffered_bytes: u64,
    /// How long ago the oldest write was called that is not in its shard.
    pub oldest_age_ms: u64,
    /// Failures after which the same was tried again.
    pub retries: u64,
    /// Failures in the background.
    pub failures: u64,
}

impl Core {
    pub(crate) fn stats(&self) -> Stats {
        let counters = &self.counters;
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let (logged_bytes, oldest_ms) = self.buffer.backlog();
        let waiting_bytes = self.log.waiting_bytes();
        let logged_age = oldest_ms.map_or(0, |time| clock::now_ms().saturating_sub(time));
        let waiting_age = self.log.waiting_since().map_or(Duration::ZERO, |since| since.elapsed());
        let (accepted, flushed) = self.totals();
        let (index_bytes, sqlite_bytes) = (self.buffer.bytes(), self.sqlite_bytes());
        Stats {
            buffered_writes: accepted,
            flushed_writes: flushed,
            buffer_size: accepted.saturating_sub(flushed),
            cache_hits: get(&counters.hits),
            cache_misses: get(&counters.misses),
            wal_writes: if self.log.is_file() { self.log.accepted().0 } else { 0 },
            recovered_writes: get(&counters.recovered),
            damaged_bytes: get(&counters.damaged),
            shard_count: self.options.shard_count,
            safe_mode: self.options.safe_mode,
            cache_size: self.cache.len(),
            cache_bytes: self.cache.bytes(),
            wal_bytes: self.log.used(),
            wal_size: self.log.capacity(),
            waiting_bytes,
            index_bytes,
            sqlite_bytes,
            memory_bytes: self.memory(index_bytes + sqlite_bytes),
            flushes: get(&counters.flushes),
            syncs: get(&counters.syncs),
            state: self.state(),
            buffered_bytes: logged_bytes + waiting_bytes,
            oldest_age_ms: logged_age.max(waiting_age.as_millis() as u64),
            retries: get(&self.figures.retries),
            failures: self.figures.failure_count(),
        }
    }

    /// Writes accepted, and writes brought to the shards.
    fn totals(&self) -> (u64, u64) {
        let (logged, waiting) = self.log.accepted();
        let large = self.counters.large.load(Ordering::Relaxed);
        (logged + waiting + large, self.counters.flushed.load(Ordering::Relaxed) + large)
    }

    fn state(&self) -> State {
        if self.broken.why().is_some() {
            return if self.broken.is_the_file() { State::Refusing } else { State::Readonly };
        }
        match (self.figures.is_a_shard_failing(), self.log.lacks_room()) {
            (true, _) => State::Retrying,
            (false, true) => State::Waiting,
            (false, false) => State::Ok,
        }
    }

    fn sqlite_bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.memory()).sum()
    }

    /// With what `measured` tells of index and SQLite.
    fn memory(&self, measured: usize) -> usize {
        let log = self.log.memory() + self.log.waiting_bytes();
        measured + self.cache.memory() + usize::try_from(log).unwrap_or(usize::MAX)
    }

    /// An opener's part of the memory of the engine.
    pub(crate) fn share_of_memory(&self) -> usize {
        let openers = self.openers.lock().count();
        self.memory(self.buffer.bytes() + self.sqlite_bytes()) / openers.max(1)
    }
}

impl Database {
    /// Writes accepted and not yet in the shards.
    pub fn buffer_size(&self) -> u64 {
        let (accepted, flushed) = self.engine_core().totals();
        accepted.saturating_sub(flushed)
    }

    /// Figures of each shard.
    pub fn shard_stats(&self) -> Vec<ShardStats> {
        self.engine_core().figures.shards()
    }

    /// How long flushes that wrote something took, since the opening.
    pub fn flush_times(&self) -> Times {
        self.engine_core().figures.flush_times.times()
    }

    /// How long syncs of the log took, since the opening.
    pub fn sync_times(&self) -> Times {
        self.engine_core().figures.sync_times.times()
    }

    /// The newest failures in the background, oldest first.
    pub fn failures(&self) -> Vec<Failure> {
        self.engine_core().figures.failures()
    }
}
