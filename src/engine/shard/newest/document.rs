//! What is told of a document that was updated lately.

use std::cmp::Ordering;

/// When a document was updated last, and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    bytes: Box<str>,
    id: usize,
}

impl Key {
    pub(super) fn new(updated: &str, id: &str) -> Self {
        Key { bytes: [updated, id].concat().into_boxed_str(), id: updated.len() }
    }

    /// The document's id.
    pub(super) fn id(&self) -> &str {
        &self.bytes[self.id..]
    }

    /// What it is sorted by; the greatest is the newest, and of the same second the one with the highest id.
    pub(super) fn order(&self) -> (&str, &str) {
        self.bytes.split_at(self.id)
    }

    pub(super) fn newest_first(a: &Self, b: &Self) -> Ordering {
        b.order().cmp(&a.order())
    }
}

/// A document met by a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// `updated_at`, the id and the JSON text in one piece: there may be millions of them.
    bytes: Box<str>,
    id: usize,
    value: usize,
    /// Its version.
    pub version: u64,
}

impl Scanned {
    pub(super) fn new(updated: &str, id: &str, value: &str, version: u64) -> Self {
        let bytes = [updated, id, value].concat().into_boxed_str();
        Scanned { bytes, id: updated.len(), value: updated.len() + id.len(), version }
    }

    /// The document's id.
    pub fn id(&self) -> &str {
        &self.bytes[self.id..self.value]
    }

    /// Its JSON text.
    pub fn value(&self) -> &str {
        &self.bytes[self.value..]
    }

    /// As of a key: when it was updated, and its id.
    pub(super) fn order(&self) -> (&str, &str) {
        self.bytes[..self.value].split_at(self.id)
    }

    /// Newest first, and of the same second the highest id first.
    pub(crate) fn newest_first(a: &Self, b: &Self) -> Ordering {
        b.order().cmp(&a.order())
    }
}
