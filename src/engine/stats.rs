//! Figures about an open database.

use std::sync::atomic::Ordering;

use super::core::Core;

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
    /// Bytes of writes that wait for room in the log.
    pub waiting_bytes: u64,
    /// Flushes that wrote something.
    pub flushes: u64,
    /// Syncs of the log.
    pub syncs: u64,
}

impl Core {
    pub(crate) fn stats(&self) -> Stats {
        let counters = &self.counters;
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let (logged, waiting) = self.log.accepted();
        let direct = get(&counters.direct);
        let (accepted, flushed) = (logged + waiting + direct, get(&counters.flushed) + direct);
        Stats {
            buffered_writes: accepted,
            flushed_writes: flushed,
            buffer_size: accepted.saturating_sub(flushed),
            cache_hits: get(&counters.hits),
            cache_misses: get(&counters.misses),
            wal_writes: if self.log.is_file() { logged } else { 0 },
            recovered_writes: get(&counters.recovered),
            damaged_bytes: get(&counters.damaged),
            shard_count: self.options.shard_count,
            safe_mode: self.options.safe_mode,
            cache_size: self.cache.len(),
            cache_bytes: self.cache.bytes(),
            wal_bytes: self.log.used(),
            wal_size: self.log.capacity(),
            waiting_bytes: self.log.waiting_bytes(),
            flushes: get(&counters.flushes),
            syncs: get(&counters.syncs),
        }
    }
}
