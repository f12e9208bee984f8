//! Which documents of a table were updated last, kept up to date by what is written to it.

use std::cmp::Ordering;

use super::Key;
use crate::engine::{
    change::{Change, Fate},
    clock,
};

/// What a write does to the order of documents.
pub(super) trait Touch {
    /// The document's id.
    fn id(&self) -> &str;

    /// When it was written, in seconds since 1970; `None`: it was deleted.
    fn updated(&self) -> Option<u64>;
}

impl Touch for Change<'_> {
    fn id(&self) -> &str {
        self.id
    }

    fn updated(&self) -> Option<u64> {
        (self.fate != Fate::Deleted).then_some(self.updated)
    }
}

impl Touch for (Box<str>, Option<u64>) {
    fn id(&self) -> &str {
        &self.0
    }

    fn updated(&self) -> Option<u64> {
        self.1
    }
}

/// The newest documents of a table: all that are not older than the floor.
#[derive(Debug)]
pub(super) struct Recent {
    /// Newest first.
    keys: Vec<Key>,
    /// `None`: these are all documents of the table.
    floor: Option<Key>,
    /// So many are kept, and up to twice as many between two cuts.
    most: usize,
}

impl Recent {
    /// `keys`: the newest of a table, newest first; less than `most` are all of them.
    pub(super) fn new(keys: Vec<Key>, most: usize) -> Recent {
        let floor = if keys.len() < most { None } else { keys.last().cloned() };
        Recent { keys, floor, most }
    }

    /// All documents of a table, newest first. `None`: a time was no UTF-8, and as text is not what the row has.
    pub(super) fn of_all<'a>(
        order: impl ExactSizeIterator<Item = (&'a str, &'a str)> + Clone,
        most: usize,
    ) -> Option<Recent> {
        if order.clone().any(|(updated, _)| updated.contains(char::REPLACEMENT_CHARACTER)) {
            return None;
        }
        let keys: Vec<_> = order.take(most).map(|(updated, id)| Key::new(updated, id)).collect();
        Some(Recent::new(keys, most))
    }

    /// The `limit` newest; `None`: these are not known.
    pub(super) fn newest(&self, limit: usize) -> Option<&[Key]> {
        let is_enough = self.floor.is_none() || limit <= self.keys.len();
        is_enough.then(|| &self.keys[..limit.min(self.keys.len())])
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many documents the table has, if all are known.
    pub(super) fn rows(&self) -> Option<usize> {
        self.floor.is_none().then_some(self.keys.len())
    }

    /// Follows what was written, in the order of the ids.
    pub(super) fn follow(&mut self, written: &[impl Touch]) {
        self.keys.retain(|key| written.binary_search_by(|touch| touch.id().cmp(key.id())).is_err());
        let mut stored: Vec<(u64, &str)> =
            written.iter().filter_map(|touch| Some((touch.updated()?, touch.id()))).collect();
        // Most were written in the same second, and so are in order.
        stored.sort();
        let newest = stored.iter().rev().take(self.most).map(|(updated, id)| {
            let updated = clock::sql_time(*updated);
            Key::new(str::from_utf8(&updated).expect("digits"), id)
        });
        let floor = self.floor.as_ref();
        let is_kept =
            |key: &Key| floor.is_none_or(|floor| Key::newest_first(key, floor) != Ordering::Greater);
        self.keys.extend(newest.filter(is_kept));
        self.keys.sort_by(Key::newest_first);
        if self.keys.len() > 2 * self.most || stored.len() > self.most {
            self.keys.truncate(self.most);
            // Where clocks went back, there may be none.
            self.floor = self.keys.last().cloned().or(self.floor.take());
        }
    }
}
