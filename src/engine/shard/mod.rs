//! The shards: where documents lie for good. Eight SQLite files by default, one table a collection.
//!
//! The rest of the engine knows a shard only as a [`Store`].

mod checkpoint;
pub mod collection;
mod connection;
mod digest;
mod examine;
mod former;
mod frames;
mod guests;
mod half_pairs;
mod layout;
mod logs;
mod memory;
mod mending;
mod moving;
mod newest;
mod number_ids;
mod outside;
mod reader;
mod router;
mod rows;
#[cfg(test)]
mod rows_test;
mod schema;
mod set;
mod spare;
mod sqlite;
mod statement;
mod store;
mod tables;
#[cfg(test)]
mod test;
mod vfs;
#[cfg(test)]
mod vfs_test;
mod writer;

use std::{borrow::Cow, time::Duration};

pub use rusqlite::types::Value;

pub use examine::{Fault, ReadOnlyShard};
pub use former::Former;
pub use layout::{Layout, find};
pub(crate) use layout::{MOST_SHARDS, existing, shard_path};
pub use moving::{Move, finish, is_unfinished};
pub use newest::{Newest, Scanned};
pub use router::Router;
pub use schema::Owner;
use set::open_former;
pub use set::{ShardSet, open};
pub use store::{Logs, Queries, Store, Target};

use super::{
    change::Change,
    log::{Id, Lsn},
};

/// Number of a shard, from 0.
pub type ShardId = u32;

/// The shard that decides which table is whose.
pub(crate) const REGISTRAR: ShardId = 0;

/// The changes of one collection.
#[derive(Debug)]
pub struct Group<'a> {
    /// The collection's name.
    pub collection: &'a str,
    /// The collection's table.
    pub table: &'a str,
    /// One for each document, sorted by id.
    pub changes: &'a [Change<'a>],
}

/// What one transaction applies.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The log that the changes come from.
    pub log: Id,
    /// The shard has everything of that log before this place once the batch is committed.
    pub end: Lsn,
    /// The log of one record that the changes come from instead; it is remembered that the shard has it.
    pub side: Option<Id>,
    /// The changes.
    pub groups: Vec<Group<'a>>,
}

/// A point read's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The document's version; `None`: there is no such document.
    pub version: Option<u64>,
    /// The log place up to which the answer is complete.
    pub as_of: Lsn,
    /// What the read took, without waiting for those of other threads or, where that is known, for a processor.
    pub took: Duration,
}

/// Where a row lies in its table.
#[derive(Debug, Clone)]
pub enum RowPlace {
    /// By SQLite's number of it.
    Number(i64),
    /// By the document's id, in a table whose rows have no number, or hide it behind a column of that name.
    Id(String),
}

/// A document met on a way through a whole table.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// SQLite's number of it, where the order is that of these and not that of ids.
    pub number: Option<i64>,
    /// The document's id.
    pub id: &'a str,
    /// Its JSON text.
    pub value: &'a [u8],
    /// Its version.
    pub version: u64,
    /// `created_at`.
    pub created: Option<Cow<'a, str>>,
    /// `updated_at`.
    pub updated: Option<Cow<'a, str>>,
}

/// What a statement given to a shard handle answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The values, in the order of the columns.
    pub rows: Vec<Vec<Value>>,
}

/// What became of collections that were to be put on record.
#[derive(Debug, Default)]
pub struct Recorded {
    /// What there is on record of these collections and tables.
    pub known: Vec<(String, String)>,
    /// Tables that no collection can have, because somebody else has made something of that name.
    pub refused: Vec<String>,
}
