//! The log is the buffer: a ring of records that a killed process leaves behind whole, and that readers and
//! flush workers use as the only copy of what is not in the shards yet.
//!
//! Appending takes one lock and one copy. What lies in the log stays in place as long as a [`Claim`] covers it;
//! [`Log::reclaim`] frees what no claim covers and the shards have made durable. Writes that find no room wait in
//! a [`queue`] in the order in which they were called.

mod append;
mod checksum;
mod claim;
mod draft;
mod examine;
mod file;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod header;
mod id;
mod legacy;
mod make;
#[cfg(feature = "model")]
mod model;
mod op;
mod opened;
mod pace;
mod pages;
mod queue;
mod reclaim;
mod record;
mod recovery;
mod replace;
mod ring;
mod shared;
mod side;
mod sync;
#[cfg(test)]
mod test;
mod waiting;

pub use append::Appended;
pub use claim::{Claim, Met};
pub use draft::Draft;
pub use examine::{Examined, examine, examine_beside, peek};
pub use file::{Access, belongs_to, open, open_anonymous};
pub use id::Id;
pub(crate) use id::{hex, random_id};
pub use legacy::Unread;
pub(crate) use make::beside;
pub use op::{Kind, Op, Ops};
pub use opened::Opened;
pub use queue::{Done, Until};
pub use recovery::Content;
pub use shared::Log;
pub use side::Side;
pub(crate) use side::large_path;
pub use waiting::WaitsFor;

/// A place in the log: bytes since the log began. It only grows; the ring offset is its remainder.
/// Ranges are half-open, so "applied up to" names the first byte that is not applied.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

/// No record with an operation takes less of the log.
pub(crate) const LEAST_WRITE: u64 = (record::RECORD_HEADER + op::OP_HEADER) as u64;
