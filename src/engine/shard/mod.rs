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
mod layout;
mod memory;
mod mending;
mod moving;
mod newest;
mod number_ids;
mod reader;
mod router;
mod rows;
#[cfg(test)]
mod rows_test;
mod schema;
mod set;
mod sqlite;
mod statement;
#[cfg(test)]
mod test;
mod vfs;
#[cfg(test)]
mod vfs_test;
mod writer;

use std::{ops::ControlFlow, time::Duration};

pub use rusqlite::types::Value;

pub use examine::{Examined, Fault, Found};
pub use former::Former;
pub use layout::{Layout, find};
pub(crate) use layout::{existing, shard_path};
pub use moving::{Move, finish, is_unfinished};
pub use newest::Scanned;
pub use router::Router;
use set::open_former;
pub use set::{ShardSet, open};

use super::{
    change::Change,
    error::Result,
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

/// A document met on a way through a whole table.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Where it lies in the table; the way goes on behind it.
    pub place: i64,
    /// The document's id.
    pub id: &'a str,
    /// Its JSON text.
    pub value: &'a [u8],
    /// Its version.
    pub version: u64,
    /// `created_at`.
    pub created: Option<&'a str>,
    /// `updated_at`.
    pub updated: Option<&'a str>,
}

/// What a statement given to a shard handle answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The values, in the order of the columns.
    pub rows: Vec<Vec<Value>>,
}

/// One shard. All methods may be called from any thread; reads never wait for writes.
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Applies a batch in one transaction. On an error nothing of it is applied.
    fn apply(&self, batch: &Batch<'_>) -> Result<()>;

    /// Puts the document's JSON text into `value`.
    fn read(&self, table: &str, id: &str, value: &mut Vec<u8>) -> Result<Stored>;

    /// How many pages these reads have asked the system for; `None`: somebody reads at the moment. May begin anew.
    fn pages_read(&self) -> Option<u64>;

    /// Reads a piece of the file that is likely not in memory, only for the time that it takes.
    fn sample(&self);

    /// Whether somebody else has written to the file since this was asked last. Reads from now on see it. While a batch
    /// is applied the answer is no; ask again after it. Asking now and then also sees to it that no snapshot holds up
    /// other processes.
    fn has_outside_changes(&self) -> bool;

    /// The documents updated last, newest first.
    fn newest(&self, table: &str, limit: u64) -> Result<Vec<Scanned>>;

    /// Visits the documents of a table that lie behind a place, in the order in which they lie there.
    fn walk(
        &self,
        table: &str,
        after: i64,
        visit: &mut dyn FnMut(Row<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()>;

    /// From now on batches come from this log.
    fn follow(&self, log: Id) -> Result<()>;

    /// Remembers, durably, where the log is that the database at `base` uses from now on, so that an opening that is given
    /// another place finds what this one leaves there. `None`: it uses none, and there is nothing to be found.
    fn remember_log(&self, base: &std::path::Path, log: Option<&std::path::Path>) -> Result<()>;

    /// Forgets what was applied of logs that are gone.
    fn forget_other_logs(&self) -> Result<()>;

    /// Forgets what was applied of the log that batches come from. It is gone, and no batch follows.
    fn forget_log(&self) -> Result<()>;

    /// Whether a log of one record was applied.
    fn has_side(&self, side: Id) -> Result<bool>;

    /// Puts collections and their tables on record, each unless the collection has another table here or the table another
    /// collection. Returns what there is on record of these collections and tables.
    fn record(&self, wishes: &[(String, String)]) -> Result<Vec<(String, String)>>;

    /// All collections on record and their tables; `None`: there are `known` of them. None is ever taken off.
    fn recorded(&self, known: usize) -> Result<Option<Vec<(String, String)>>>;

    /// Up to where the log was applied.
    fn applied(&self) -> Lsn;

    /// Brings everything that was applied to the disk.
    fn sync(&self) -> Result<()>;

    /// The same, of what a process that died may have left there: of what was lost on the way nobody else is told.
    fn sync_anew(&self) -> Result<()>;

    /// Whether a failure of the disk leaves open what the file holds. Nothing is applied and synced until it is
    /// [reopened](Store::reopen).
    fn is_suspect(&self) -> bool;

    /// Makes sure of what the file holds after a failure of the disk: brings what is there to the disk anew and reopens
    /// it. It may have lost the newest batches then; `complete` applies them again, while all readers wait.
    ///
    /// # Errors
    /// The disk still fails: nothing has changed, or all calls fail until a later attempt.
    fn reopen(&self, complete: &mut dyn FnMut() -> Result<()>) -> Result<()>;

    /// Moves SQLite's own log into the database file if it is long, or always.
    fn checkpoint(&self, always: bool) -> Result<()>;

    /// Runs a read-only statement.
    fn query(&self, sql: &str, params: &[Value]) -> Result<Rows>;

    /// Runs a pragma: checkpoints on the writing connection, anything else on a reading one.
    fn pragma(&self, text: &str) -> Result<Rows>;

    /// The file.
    fn path(&self) -> &std::path::Path;

    /// Bytes of memory that its connections take for pages and statements.
    fn memory(&self) -> usize;

    /// Lets go of the file, after a checkpoint if nobody else has it open. Later calls fail.
    fn close(&self, is_last: bool) -> Result<()>;
}
