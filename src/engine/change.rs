//! What a flush does to one document.

/// The sum of all writes of a batch to one document.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Its collection's number in this process.
    pub number: u32,
    /// What becomes of it.
    pub fate: Fate,
    /// Its id.
    pub id: &'a str,
    /// Its JSON text; empty if it is deleted.
    pub value: &'a [u8],
    /// Number of writes since it was deleted in this batch, or in all of it.
    pub writes: u64,
    /// When the first of them was called, in seconds since 1970.
    pub created: u64,
    /// When the last of them was called.
    pub updated: u64,
}

/// What becomes of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has this text; its version is what it was, plus the writes.
    Stored,
    /// It was deleted and then written again: its version is the number of writes since.
    Recreated,
    /// It is gone.
    Deleted,
}
