//! The newest documents of the tables that were asked for them lately.
//!
//! IMPORTANT: all of it happens under the lock of the shard's writer, so that what is kept is what the writer has committed. What others
//! write is found when somebody asks, and then nothing counts any more.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;

use super::{
    Key,
    recent::{Recent, Touch},
};
use crate::engine::shard::{Group, memory::kept, outside::Outside};

/// Keys kept by a shard, where there are few shards.
const MOST_KEYS: usize = 32 << 10;

/// What one takes, with an id of usual length and what memory is given in.
const BYTES_OF_KEY: usize = 80;

/// Writes that are noted while the rows of a table are looked at. Where there are more, it was in vain.
const MOST_MEANWHILE: usize = 10_000;

/// A table that nobody has asked for is kept up to date for so many batches.
const UNUSED_BATCHES: u32 = 256;

/// See above.
#[derive(Debug)]
pub(in super::super) struct Recents {
    tables: HashMap<String, Table>,
    /// As of when nobody else has written.
    outside: Option<Outside>,
    /// How often somebody has asked.
    asked: u64,
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
    /// What was written since the snapshot in which its rows are being looked at.
    Learning(BTreeMap<Box<str>, Option<u64>>),
    Known(Recent),
}

/// What is known of a table.
#[derive(Debug)]
pub(in super::super) enum Recalled {
    /// Its newest documents, as of now, and how many rows it has if these are known.
    Known(Vec<Key>, Option<usize>),
    /// Nothing. What is written from now on is noted for who asked with this number.
    Learning(u64),
}

impl Recents {
    /// Those of one of so many shards.
    pub(in super::super) fn new(shards: u32) -> Recents {
        let most_keys = kept(MOST_KEYS, shards);
        Recents { tables: HashMap::new(), outside: None, asked: 0, most_keys }
    }

    /// The `limit` newest documents of a table, or how to have them known the next time. The snapshot of who asks has been settled.
    pub(in super::super) fn recall(
        &mut self,
        writer: &Connection,
        table: &str,
        limit: usize,
    ) -> rusqlite::Result<Recalled> {
        let outside = match &mut self.outside {
            Some(outside) => outside,
            None => self.outside.insert(Outside::new(writer)?),
        };
        // NOTE: what somebody else has written since the snapshot is in vain too, but not wrong.
        if outside.has_changed(writer)? {
            self.forget_all();
        }
        self.asked += 1;
        let asked = self.asked;
        if let Some(known) = self.tables.get_mut(table)
            && let State::Known(recent) = &known.state
            && let Some(keys) = recent.first(limit)
        {
            (known.asked, known.unused) = (asked, 0);
            return Ok(Recalled::Known(keys.to_vec(), recent.rows()));
        }
        let learning = Table { state: State::Learning(BTreeMap::new()), asked, unused: 0 };
        self.tables.insert(table.to_owned(), learning);
        Ok(Recalled::Learning(asked))
    }

    /// Keeps what was found in the snapshot of who asked with this number; `None`: the table is none that can be followed.
    pub(super) fn learn(&mut self, table: &str, asked: u64, found: Option<Recent>) {
        let Some(known) = self.tables.get_mut(table).filter(|known| known.asked == asked) else { return };
        let (State::Learning(meanwhile), Some(mut recent)) = (&mut known.state, found) else {
            self.tables.remove(table);
            return;
        };
        let meanwhile: Vec<_> = std::mem::take(meanwhile).into_iter().collect();
        recent.follow(&meanwhile);
        known.state = State::Known(recent);
        while self.keys() > self.most_keys {
            let oldest = self.tables.iter().min_by_key(|(_, table)| table.asked);
            let oldest = oldest.map(|(name, _)| name.clone()).expect("it has keys");
            self.tables.remove(&oldest);
        }
    }

    /// Follows what was committed.
    pub(in super::super) fn follow(&mut self, groups: &[Group<'_>]) {
        if self.tables.is_empty() {
            return;
        }
        for group in groups {
            let Some(known) = self.tables.get_mut(group.table) else { continue };
            known.unused += 1;
            let is_kept = match &mut known.state {
                State::Learning(meanwhile) => {
                    let touched = group.changes.iter().map(|change| (change.id().into(), change.updated()));
                    meanwhile.extend(touched.take(MOST_MEANWHILE + 1));
                    meanwhile.len() <= MOST_MEANWHILE
                }
                State::Known(recent) => {
                    recent.follow(group.changes);
                    known.unused <= UNUSED_BATCHES
                }
            };
            if !is_kept {
                self.tables.remove(group.table);
            }
        }
    }

    /// Nothing of it counts any more.
    pub(in super::super) fn forget_all(&mut self) {
        self.tables.clear();
    }

    fn keys(&self) -> usize {
        let keys = |table: &Table| match &table.state {
            State::Learning(meanwhile) => meanwhile.len(),
            State::Known(recent) => recent.len(),
        };
        self.tables.values().map(keys).sum()
    }

    /// Bytes of memory that it takes, about.
    pub(in super::super) fn bytes(&self) -> usize {
        self.keys() * BYTES_OF_KEY
    }
}
