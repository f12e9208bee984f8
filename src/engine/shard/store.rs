//! What the rest of the engine asks of a shard, by those who ask.

use std::{
    fmt::Debug,
    ops::ControlFlow,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use super::{Batch, Newest, Recorded, Row, RowPlace, Rows, Stored, Value};
use crate::engine::{
    error::Result,
    log::{Id, Lsn},
};

/// Where flushes bring batches.
pub trait Target: Send + Sync + Debug {
    /// Applies a batch in one transaction. On an error nothing of it is applied.
    fn apply(&self, batch: &Batch<'_>) -> Result<()>;

    /// Up to where the log was applied.
    fn applied(&self) -> Lsn;

    /// Whether a log of one record was applied.
    fn has_side(&self, side: Id) -> Result<bool>;
}

/// What a shard keeps of the logs that its batches come from, for openings and closings.
pub trait Logs {
    /// From now on batches come from this log.
    fn follow(&self, log: Id) -> Result<()>;

    /// Remembers, durably, where the log is that the database at `base` uses from now on, so that an opening that is given
    /// another place finds what this one leaves there. `None`: it uses none, and there is nothing to be found.
    fn remember_log(&self, base: &Path, log: Option<&Path>) -> Result<()>;

    /// Forgets what was applied of logs that are gone.
    fn forget_other_logs(&self) -> Result<()>;

    /// Forgets what was applied of the log that batches come from. It is gone, and no batch follows.
    fn forget_log(&self) -> Result<()>;
}

/// A number that changes with the tables of a file, and names in it, each with whether it is a table that documents fit in.
pub type NewNames = (i64, Vec<(String, bool)>);

/// Scans and statements, on connections of their own, so that a long one delays nobody's point reads.
pub trait Queries {
    /// Finds the `limit` documents updated last. This and what is done with it fails as closed soon after one of `over` is set.
    fn newest(&self, table: &str, limit: u64, over: &[Arc<AtomicBool>]) -> Result<Newest<'_>>;

    /// How many documents a table has; none, if the file does not have it.
    fn count(&self, table: &str) -> Result<u64>;

    /// Visits the documents of a table that lie behind a place, or all of them, in the order in which they lie there.
    fn walk(
        &self,
        table: &str,
        after: Option<&RowPlace>,
        visit: &mut dyn FnMut(Row<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()>;

    /// What has a name in the file that is new, and whether it is a table that documents fit in, with a number for
    /// [`Queries::note_names`]. `None`: no table has changed since.
    fn new_names(&self, is_new: &dyn Fn(&str) -> bool) -> Result<Option<NewNames>>;

    /// The names that came with this number are known.
    fn note_names(&self, version: i64);

    /// Runs a read-only statement until it has given so many rows, at most.
    fn query(&self, sql: &str, params: &[Value], most: usize) -> Result<Rows>;

    /// Runs a pragma: checkpoints on the writing connection, anything else on a reading one.
    fn pragma(&self, text: &str) -> Result<Rows>;
}

/// One shard. All methods may be called from any thread; point reads never wait for writes.
pub trait Store: Target + Logs + Queries {
    /// Puts the document's JSON text into `value`. `gives_way`: whoever waits to read is next, before the caller reads again.
    fn read(&self, table: &str, id: &str, value: &mut Vec<u8>, gives_way: bool) -> Result<Stored>;

    /// How many pages these reads have asked the system for; `None`: somebody reads at the moment. May begin anew.
    fn pages_read(&self) -> Option<u64>;

    /// Reads a piece of the file that is likely not in memory, only for the time that it takes.
    fn sample(&self);

    /// Whether somebody else has written to the file since this was asked last. Reads from now on see it. While a batch
    /// is applied the answer is no; ask again after it. Asking now and then also sees to it that no snapshot holds up
    /// other processes.
    fn has_outside_changes(&self) -> bool;

    /// Puts collections and their tables on record, each unless the collection has another table here or the table another
    /// collection, or something of its name is none of ours.
    fn record(&self, wishes: &[(String, String)]) -> Result<Recorded>;

    /// All collections on record and their tables; `None`: there are `known` of them. None is ever taken off.
    fn recorded(&self, known: usize) -> Result<Option<Vec<(String, String)>>>;

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

    /// The file.
    fn path(&self) -> &Path;

    /// Fails if the file of that name is not the one that is open.
    fn check_named(&self) -> Result<()>;

    /// Bytes of memory that its connections take for pages and statements, and its writer for what it keeps in mind.
    fn memory(&self) -> usize;

    /// Lets go of the file, after a checkpoint if nobody else has it open. Later calls fail.
    fn close(&self, is_last: bool) -> Result<()>;
}
