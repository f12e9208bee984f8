//! Documents read before, bounded in bytes.
//!
//! It only holds what shards have committed; what is buffered hides it. A flush changes the entries of the
//! documents that it wrote before their generation is dropped, so an entry is never older than what this process wrote to
//! its shard. When somebody else has written to a shard file, that shard's entries do not count any more.

mod entry;
mod index;
mod queue;
mod segment;
#[cfg(test)]
mod test;

use std::{
    hash::BuildHasher,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use self::{
    entry::Header,
    segment::{Found, Segment},
};
use super::{
    change::{Change, Fate},
    log::Lsn,
    shard::ShardId,
};

/// Locks, to let threads read at the same time; powers of two. Where segments would be larger than [`LARGE_SEGMENT`], there are more of them: what
/// each does at once when it grows must not take long.
const SEGMENTS: usize = 16;
const MOST_SEGMENTS: usize = 1024;
const LARGE_SEGMENT: usize = 64 << 20;

/// The read cache.
#[derive(Debug)]
pub struct Cache {
    hasher: RandomState,
    segments: Vec<Mutex<Segment>>,
    /// How often each shard was changed by somebody else. Entries of an earlier time are no documents.
    epochs: Vec<AtomicU32>,
    entries: AtomicUsize,
    bytes: AtomicUsize,
}

/// Where a document was read, and when in the life of that file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    shard: ShardId,
    epoch: u32,
}

impl Cache {
    /// A cache of at most `bytes` bytes for so many shards; 0 bytes turn it off.
    pub fn new(bytes: usize, shards: u32) -> Self {
        let count = (bytes / LARGE_SEGMENT).clamp(SEGMENTS, MOST_SEGMENTS).next_power_of_two();
        let segments = (0..count).map(|_| Mutex::new(Segment::new(bytes / count))).collect();
        Cache {
            hasher: RandomState::default(),
            segments,
            epochs: (0..shards).map(|_| AtomicU32::new(0)).collect(),
            entries: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    fn place(&self, number: u32, id: &str) -> (u64, &Mutex<Segment>) {
        let hash = self.hasher.hash_one((number, id));
        (hash, &self.segments[(hash >> 32) as usize & (self.segments.len() - 1)])
    }

    /// What a document that is read from the shard from now on is kept with.
    pub fn origin(&self, shard: ShardId) -> Origin {
        Origin { shard, epoch: self.epochs[shard as usize].load(Ordering::Acquire) }
    }

    /// Forgets a shard's documents: somebody else has changed the file. Reads that may still see the old
    /// state must have ended before.
    pub fn invalidate(&self, shard: ShardId) {
        self.epochs[shard as usize].fetch_add(1, Ordering::AcqRel);
    }

    fn find(&self, segment: &Segment, hash: u64, number: u32, id: &str) -> Option<Found> {
        segment.find(hash, number, id).filter(|found| self.is_current(found))
    }

    fn is_current(&self, found: &Found) -> bool {
        let origin = found.header.origin;
        self.origin(origin.shard) == origin
    }

    /// Appends the document's text to `value` and returns its version and the log place up to which that is right at least.
    pub fn read(&self, number: u32, id: &str, value: &mut Vec<u8>) -> Option<(u64, Lsn)> {
        let (hash, segment) = self.place(number, id);
        let mut segment = segment.lock();
        let found = self.find(&segment, hash, number, id)?;
        segment.touch(&found);
        value.extend_from_slice(segment.value(&found));
        Some((found.header.version, found.header.as_of))
    }

    /// The same without the text.
    pub fn version(&self, number: u32, id: &str) -> Option<(u64, Lsn)> {
        let (hash, segment) = self.place(number, id);
        let Found { header, .. } = self.find(&segment.lock(), hash, number, id)?;
        Some((header.version, header.as_of))
    }

    /// Keeps a document that was just read from a shard, its version and as of which place it is right, unless `applied`,
    /// the shard's position now, tells that it may have changed since. `origin` was asked for before the read.
    pub fn keep(
        &self,
        (number, id): (u32, &str),
        value: &[u8],
        (version, as_of): (u64, Lsn),
        origin: Origin,
        applied: impl FnOnce() -> Lsn,
    ) {
        let (hash, segment) = self.place(number, id);
        let Some(header) = Header::new(hash, (number, id), value, (version, as_of), origin) else { return };
        let mut segment = segment.lock();
        let known = segment.find(hash, number, id);
        if as_of < applied() || known.is_some_and(|known| self.is_current(&known)) {
            return;
        }
        self.counted(&mut segment, |segment| {
            known.iter().for_each(|known| segment.remove(known));
            segment.insert(&header, id, value);
        });
    }

    /// Follows what a flush committed up to `as_of`, after the shard has said so. Only documents that are here are
    /// touched.
    pub fn follow(&self, changes: &[Change<'_>], as_of: Lsn) {
        if !self.is_empty() {
            changes.iter().for_each(|change| self.change(change, as_of));
        }
    }

    /// Whether nothing is here. What comes in later sees the shard's new position and is kept only if it is as new.
    fn is_empty(&self) -> bool {
        // IMPORTANT: under the locks. A document on its way in was compared with the old position, and is here or behind it.
        self.segments.iter().all(|segment| segment.lock().len() == 0)
    }

    fn change(&self, change: &Change<'_>, as_of: Lsn) {
        let Change { number, id, .. } = *change;
        let (hash, segment) = self.place(number, id);
        let mut segment = segment.lock();
        let Some(found) = self.find(&segment, hash, number, id) else { return };
        // Read from the shard after this very commit.
        if found.header.as_of >= as_of {
            return;
        }
        let version = match change.fate {
            Fate::Stored => found.header.version + change.writes,
            Fate::Recreated | Fate::Deleted => change.writes,
        };
        self.counted(&mut segment, |segment| match change.fate {
            Fate::Deleted => segment.remove(&found),
            Fate::Stored | Fate::Recreated => segment.replace(&found, id, change.value, (version, as_of)),
        });
    }

    /// Number of documents.
    pub fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    /// Bytes of the documents.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of memory that it takes, with the room for more documents.
    pub fn memory(&self) -> usize {
        self.segments.iter().map(|segment| segment.lock().memory()).sum()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for segment in &self.segments {
            self.counted(&mut segment.lock(), Segment::clear);
        }
    }

    /// Does something to a segment and brings the totals up to date.
    fn counted(&self, segment: &mut Segment, work: impl FnOnce(&mut Segment)) {
        let before = (segment.len(), segment.bytes());
        work(segment);
        self.entries.fetch_add(segment.len().wrapping_sub(before.0), Ordering::Relaxed);
        self.bytes.fetch_add(segment.bytes().wrapping_sub(before.1), Ordering::Relaxed);
    }
}
