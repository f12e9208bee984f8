//! The engine: a crash-safe ring log in front of SQLite shards. It knows nothing of Node.
//!
//! [`Database`] is the face. ARCHITECTURE.md has the order in which its parts know each other.

mod blocking;
mod broken;
mod buffer;
mod cache;
mod change;
mod clock;
mod core;
mod damage;
mod db;
mod error;
mod figures;
mod flush;
mod get;
mod half_pairs;
mod histogram;
pub mod io;
mod json;
pub mod limits;
mod lock_file;
pub mod log;
mod log_search;
// Without Node only its tests need it.
#[cfg(any(test, feature = "addon"))]
pub(crate) mod members;
pub(crate) mod memory;
mod newest;
mod numbered;
mod openers;
mod opening;
mod options;
mod pages;
mod panic;
mod prefetch;
mod presence;
mod progress;
mod read;
#[cfg(test)]
mod read_test;
mod readers;
mod recovering;
mod registry;
mod scan;
mod settling;
pub mod shard;
mod stats;
mod stopwatch;
mod sync;
mod threads;
#[cfg(test)]
mod until;
pub mod verify;
mod write;

pub use self::{
    db::{Database, Document},
    error::{Code, Error, Result},
    figures::{Failure, ShardStats},
    histogram::Times,
    options::{Backend, Options},
    pages::Pages,
    progress::Progress,
    read::Attempt,
    readers::Read,
    scan::Texts,
    shard::Former,
    stats::{State, Stats},
    write::Submitted,
};

#[cfg(feature = "addon")]
pub(crate) use self::{
    panic::caught,
    registry::{close_all, flush_all},
};

use std::time::Duration;

/// What the engine tells about its own work. Called from engine threads; must not block.
pub trait Observer: Send + Sync + std::fmt::Debug {
    /// A flush brought `count` writes to the shards.
    fn flushed(&self, count: u64, time: Duration);

    /// Whether others have the database open too, in this process: told when that changes, before another can write and
    /// after it has written last.
    fn shared(&self, _is: bool) {}

    /// Somebody else has written to a shard file: what was read before may have changed.
    fn changed_outside(&self) {}

    /// A sync of the log took so long.
    fn synced(&self, _time: Duration) {}

    /// Something failed and is tried again, for this reason.
    fn retrying(&self, _error: &Error) {}

    /// Something failed that no call can report. Nothing was dropped.
    fn failed(&self, error: &Error);
}
