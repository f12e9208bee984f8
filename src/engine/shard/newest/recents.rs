//! The newest documents of the tables that were asked for them lately.
//!
//! IMPORTANT: all of it happens under the lock of the shard's writer, so that what is kept is what the writer has committed. What others
//! write is found when somebody asks, and then nothing counts any more.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicU64, Ordering},
};

use rusqlite::Connection;

use super::{
    Key,
    recent::{Recent, Touch},
};
use crate::engine::shard::{Group, memory::kept, outside::Outside};

/// Keys kept by a shard, where there are few shards, and tables.
const MOST_KEYS: usize = 32 << 10;
const MOST_TABLES: usize = 256;

/// What one takes, with an id of usual length and what memory is given in.
const BYTES_OF_KEY: usize = 80;

/// Writes that are noted while the rows of a table are looked at. Where there are more, it was in vain.
const MOST_MEANWHILE: usize = 10_000;

/// A table that nobody has asked for is kept up to date for so many batches.
pub(super) const UNUSED_BATCHES: u32 = 4096;

/// How often somebody has asked, of any shard.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// See above.
#[derive(Debug)]
pub(in super::super) struct Recents {
    tables: HashMap<String, Table>,
    /// Up to when the writes of others have been noticed here; `kimdb-watch` notices them for itself.
    outside: Option<Outside>,
    most_keys: usize,
}

#[derive(Debug)]
struct Table {
    state: State,
    /// When it was asked for last.
    asked: u64,
    /// How many batches have written to it since.
    unused: u32,
}

#[derive(Debug)]
enum State {
    /// What was written since the snapshot of who has this ticket, who looks at the rows.
    Learning(Ticket, BTreeMap<Box<str>, Option<u64>>),
    Known(Recent),
}

/// Who asked, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Ticket(u64);

/// What is known of a table.
#[derive(Debug)]
pub(in super::super) enum Recalled {
    /// Its newest documents, and how many rows it has if these are known, as in the snapshot.
    Known { keys: Vec<Key>, rows: Option<usize> },
    /// Nothing. What is written after the snapshot is noted for who has this ticket.
    Learning(Ticket),
    /// Nothing, nor can it be learned from this snapshot.
    Nothing,
}

impl Recents {
    /// Those of one of so many shards.
    pub(in super::super) fn new(shards: u32) -> Recents {
        let most_keys = kept(MOST_KEYS, shards);
        Recents { tables: HashMap::new(), outside: None, most_keys }
    }

    /// The `limit` newest documents of a table, or how to have them known the next time. `settle` settles the snapshot of who asks.
    ///
    /// # Errors
    /// Those of `settle`.
    pub(in super::super) fn recall(
        &mut self,
        writer: &Connection,
        table: &str,
        limit: usize,
        settle: impl FnOnce() -> rusqlite::Result<()>,
    ) -> rusqlite::Result<Recalled> {
        // IMPORTANT: a look at what others have written on both sides. What came before the first the snapshot has, and what is known has not;
        // what comes between the two the snapshot may have or not.
        let before = self.look_outside(writer);
        settle()?;
        let after = self.look_outside(writer);
        // Where a look fails, so will the next read or write, and that one tells.
        if before.is_err() || !matches!(after, Ok(false)) {
            return Ok(Recalled::Nothing);
        }
        let asked = ASKED.fetch_add(1, Ordering::Relaxed);
        if let Some(known) = self.tables.get_mut(table)
            && let State::Known(recent) = &known.state
            && let Some(keys) = recent.newest(limit)
        {
            (known.asked, known.unused) = (asked, 0);
            return Ok(Recalled::Known { keys: keys.to_vec(), rows: recent.rows() });
        }
        let ticket = Ticket(asked);
        let state = State::Learning(ticket, BTreeMap::new());
        self.tables.insert(table.to_owned(), Table { state, asked, unused: 0 });
        self.make_room();
        Ok(Recalled::Learning(ticket))
    }

    /// Keeps what was found in the snapshot of who has this ticket; `None`: nothing that could be followed.
    pub(super) fn learn(&mut self, table: &str, ticket: Ticket, found: Option<Recent>) {
        let Some(known) = self.tables.get_mut(table) else { return };
        let State::Learning(wanted, meanwhile) = &mut known.state else { return };
        if *wanted != ticket {
            return;
        }
        let Some(mut recent) = found else {
            self.tables.remove(table);
            return;
        };
        let meanwhile: Vec<_> = std::mem::take(meanwhile).into_iter().collect();
        recent.follow(&meanwhile);
        known.state = State::Known(recent);
        self.make_room();
    }

    /// Follows what was committed.
    pub(in super::super) fn follow(&mut self, groups: &[Group<'_>]) {
        if self.tables.is_empty() {
            return;
        }
        for group in groups {
            let Some(known) = self.tables.get_mut(group.table) else { continue };
            known.unused += 1;
            let mut is_kept = known.unused <= UNUSED_BATCHES;
            match &mut known.state {
                State::Learning(_, meanwhile) => {
                    let touched = group.changes.iter().map(|change| (change.id().into(), change.updated()));
                    meanwhile.extend(touched.take(MOST_MEANWHILE + 1));
                    is_kept &= meanwhile.len() <= MOST_MEANWHILE;
                }
                State::Known(recent) => recent.follow(group.changes),
            }
            if !is_kept {
                self.tables.remove(group.table);
            }
        }
        self.make_room();
    }

    /// Forgets everything if somebody else has written since this was asked last.
    fn look_outside(&mut self, writer: &Connection) -> rusqlite::Result<bool> {
        let outside = match &mut self.outside {
            Some(outside) => outside,
            None => self.outside.insert(Outside::new(writer)?),
        };
        let has_changed = outside.has_changed(writer)?;
        if has_changed {
            self.forget_all();
        }
        Ok(has_changed)
    }

    /// Nothing of it counts any more.
    pub(in super::super) fn forget_all(&mut self) {
        self.tables.clear();
    }

    /// Forgets the tables that were asked for the longest ago, as long as there is too much. The last one stays.
    fn make_room(&mut self) {
        while self.tables.len() > MOST_TABLES || self.tables.len() > 1 && self.keys() > self.most_keys {
            let oldest = self.tables.iter().min_by_key(|(_, table)| table.asked);
            let oldest = oldest.map(|(name, _)| name.clone()).expect("there are some");
            self.tables.remove(&oldest);
        }
    }

    fn keys(&self) -> usize {
        let keys = |table: &Table| match &table.state {
            State::Learning(_, meanwhile) => meanwhile.len(),
            State::Known(recent) => recent.len(),
        };
        self.tables.values().map(keys).sum()
    }

    /// Bytes of memory that it takes, about.
    pub(in super::super) fn bytes(&self) -> usize {
        self.keys() * BYTES_OF_KEY
    }
}
