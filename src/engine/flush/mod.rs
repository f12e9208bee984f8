//! From the buffer to the shards.
//!
//! One scheduler thread decides when, ends the generation and sorts its operations by shard; workers apply them, one
//! shard at a time each; one sync thread does all waiting for the disk, but that of a writer who blocks and is alone. None
//! of them ever waits for the program.

mod apply;
mod bring;
mod coalesce;
mod control;
mod due;
mod lane;
mod large;
#[cfg(test)]
mod mended_test;
mod part;
mod pause;
mod pool;
#[cfg(test)]
mod pool_test;
mod scheduler;
#[cfg(test)]
mod slow_log_test;
mod syncer;
#[cfg(test)]
mod test;
mod watch;

pub(crate) use apply::Applier;
pub(crate) use control::{FlushControl, Request, SyncControl};
pub(crate) use part::{Division, Part};
pub(crate) use pool::Pool;
pub(crate) use scheduler::run as run_scheduler;
pub(crate) use syncer::{run as run_syncer, sync_here};
pub(crate) use watch::{WatchControl, run as run_watch};
