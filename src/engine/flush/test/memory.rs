//! A shard in memory.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::engine::{
    change::Fate,
    error::{Code, Error, Result},
    log::{Id, Lsn},
    shard::{Batch, Target},
};

/// A document in the store: text, version, when created and updated.
type Document = (String, u64, u64, u64);

/// A store in memory that can fail.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) rows: Mutex<BTreeMap<(String, String), Document>>,
    applied: AtomicU64,
    /// Ends of the batches.
    pub(super) ends: Mutex<Vec<Lsn>>,
    /// So many batches succeed before one fails.
    pub(super) left: AtomicUsize,
}

impl Memory {
    pub(super) fn new() -> Memory {
        Memory { left: AtomicUsize::new(usize::MAX), ..Memory::default() }
    }
}

impl Target for Memory {
    fn apply(&self, batch: &Batch<'_>) -> Result<()> {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Err(Error::new(Code::Busy, "no more"));
        }
        let mut rows = self.rows.lock().expect("no panic");
        for group in &batch.groups {
            let key = |id: &str| (group.collection.to_owned(), id.to_owned());
            assert!(group.changes.is_sorted_by(|a, b| a.id < b.id), "sorted, and each document once");
            for change in group.changes {
                if change.fate != Fate::Stored {
                    rows.remove(&key(change.id));
                }
                if change.fate != Fate::Deleted {
                    let value = String::from_utf8_lossy(change.value).into_owned();
                    let entry = rows.entry(key(change.id)).or_insert((String::new(), 0, change.created, 0));
                    (entry.0, entry.1, entry.3) = (value, entry.1 + change.writes, change.updated);
                }
            }
        }
        assert!(batch.end.0 > self.applied.load(Ordering::Acquire), "it only goes forward");
        self.ends.lock().expect("no panic").push(batch.end);
        self.applied.store(batch.end.0, Ordering::Release);
        Ok(())
    }

    fn applied(&self) -> Lsn {
        Lsn(self.applied.load(Ordering::Acquire))
    }

    fn has_side(&self, _: Id) -> Result<bool> {
        unreachable!("a flush does not ask for this")
    }
}
