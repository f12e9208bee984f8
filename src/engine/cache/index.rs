//! Where in a segment's queue a document lies: a table whose buckets are a cache line each.
//!
//! It may forget: in a full bucket the oldest entry makes room. What the queue has let go of needs no removal, because its position tells.

use std::ops::Range;

use super::queue::POSITIONS;

/// Slots of a bucket.
const BUCKET: usize = 8;
const BUCKET_BYTES: usize = BUCKET * size_of::<u64>();

/// Where in a slot the position ends, and a part of the hash begins.
const TAG: u32 = POSITIONS.trailing_zeros();

#[derive(Debug)]
pub(super) struct Index {
    slots: Vec<u64>,
    /// The first slot that begins a cache line.
    start: usize,
    buckets: usize,
}

impl Index {
    /// An empty one of at most so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let buckets = buckets(bytes);
        let slots = if buckets == 0 { Vec::new() } else { vec![0; (buckets + 1) * BUCKET] };
        let start = slots.as_ptr().align_offset(BUCKET_BYTES).min(BUCKET);
        Index { slots, start, buckets }
    }

    /// Bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }

    /// Whether one of so many bytes would have more room.
    pub(super) fn is_smaller_than(&self, bytes: usize) -> bool {
        self.buckets < buckets(bytes)
    }

    /// Whether anything can come in.
    pub(super) fn has_buckets(&self) -> bool {
        self.buckets > 0
    }

    /// Where entries of such a hash may be, from `oldest` on.
    pub(super) fn positions(&self, hash: u64, oldest: u64) -> impl Iterator<Item = u64> {
        self.slots
            .get(self.bucket(hash))
            .unwrap_or_default()
            .iter()
            .filter(move |slot| **slot >> TAG == tag(hash))
            .map(|slot| position(*slot))
            .filter(move |at| *at >= oldest)
    }

    /// Notes an entry. Returns the one, from `oldest` on, that had to make room: one that was not read, if it can be.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        at: u64,
        oldest: u64,
        is_read: impl Fn(u64) -> bool,
    ) -> Option<u64> {
        let bucket = self.bucket(hash);
        let slots = &mut self.slots[bucket];
        let noted = tag(hash) << TAG | at;
        if let Some(free) = slots.iter_mut().find(|slot| position(**slot) < oldest) {
            *free = noted;
            return None;
        }
        let slot = slots.iter_mut().min_by_key(|slot| (is_read(position(**slot)), position(**slot)))?;
        Some(position(std::mem::replace(slot, noted)))
    }

    /// Forgets an entry.
    pub(super) fn remove(&mut self, hash: u64, at: u64) {
        let bucket = self.bucket(hash);
        let slots = &mut self.slots[bucket];
        slots.iter_mut().filter(|slot| position(**slot) == at).for_each(|slot| *slot = 0);
    }

    fn bucket(&self, hash: u64) -> Range<usize> {
        let number = (u128::from(hash) * self.buckets as u128) >> u64::BITS;
        let from = self.start + number as usize * BUCKET;
        from..from + BUCKET
    }
}

/// One less than there is room for: a vector seldom begins with a cache line.
fn buckets(bytes: usize) -> usize {
    (bytes / BUCKET_BYTES).saturating_sub(1)
}

/// The bits of a hash that decide least about its bucket.
fn tag(hash: u64) -> u64 {
    hash & (u64::MAX >> TAG)
}

fn position(slot: u64) -> u64 {
    slot & (POSITIONS - 1)
}
