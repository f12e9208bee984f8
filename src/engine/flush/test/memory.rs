//! A shard in memory.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::engine::{
    change::Fate,
    error::{Code, Error, Result},
    log::{Id, Lsn},
    shard::{Batch, Row, Rows, Scanned, Store, Stored, Value},
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

impl Store for Memory {
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

    fn memory(&self) -> usize {
        unreachable!("a flush does not ask for this")
    }

    fn applied(&self) -> Lsn {
        Lsn(self.applied.load(Ordering::Acquire))
    }

    fn read(&self, _: &str, _: &str, _: &mut Vec<u8>) -> Result<Stored> {
        unreachable!("a flush does not ask for this")
    }

    fn pages_read(&self) -> Option<u64> {
        unreachable!("a flush does not ask for this")
    }

    fn sample(&self) {
        unreachable!("a flush does not ask for this")
    }

    fn has_outside_changes(&self) -> bool {
        unreachable!("nobody follows this one")
    }

    fn newest(&self, _: &str, _: u64) -> Result<Vec<Scanned>> {
        unreachable!("a flush does not ask for this")
    }

    fn walk(&self, _: &str, _: i64, _: &mut dyn FnMut(Row<'_>) -> Result<ControlFlow<()>>) -> Result<()> {
        unreachable!("a flush does not ask for this")
    }

    fn record(&self, _: &[(String, String)]) -> Result<Vec<(String, String)>> {
        unreachable!("another shard is the first")
    }

    fn recorded(&self, _: usize) -> Result<Option<Vec<(String, String)>>> {
        unreachable!("a flush does not ask for this")
    }

    fn follow(&self, _: Id) -> Result<()> {
        unreachable!("a flush does not ask for this")
    }

    fn remember_log(&self, _: &Path, _: Option<&Path>) -> Result<()> {
        unreachable!("a flush does not ask for this")
    }

    fn forget_other_logs(&self) -> Result<()> {
        unreachable!("a flush does not ask for this")
    }

    fn forget_log(&self) -> Result<()> {
        unreachable!("a flush does not ask for this")
    }

    fn has_side(&self, _: Id) -> Result<bool> {
        unreachable!("a flush does not ask for this")
    }

    fn sync(&self) -> Result<()> {
        unreachable!("a flush does not ask for this")
    }

    fn sync_anew(&self) -> Result<()> {
        unreachable!("a flush does not ask for this")
    }

    fn is_suspect(&self) -> bool {
        false
    }

    fn reopen(&self, _: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        unreachable!("a flush does not ask for this")
    }

    fn checkpoint(&self, _: bool) -> Result<()> {
        unreachable!("a flush does not ask for this")
    }

    fn query(&self, _: &str, _: &[Value]) -> Result<Rows> {
        unreachable!("a flush does not ask for this")
    }

    fn pragma(&self, _: &str) -> Result<Rows> {
        unreachable!("a flush does not ask for this")
    }

    fn path(&self) -> &Path {
        unreachable!("a flush does not ask for this")
    }

    fn close(&self, _: bool) -> Result<()> {
        unreachable!("a flush does not ask for this")
    }
}
