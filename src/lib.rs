//! kimdb: an embedded document store. Documents are JSON texts in collections; a write returns once it lies in a
//! crash-safe ring log, and reaches one of several SQLite files a moment later.
//!
//! This crate is the engine, for Rust programs ([`Database`]), and with the feature `addon` the Node-API addon of
//! the npm package `kimdb`. It is not a server, not a distributed store and not a query engine: whoever wants SQL
//! opens the shard files with SQLite.
//!
//! ARCHITECTURE.md in the repository tells how the parts fit together.

#[cfg(feature = "addon")]
mod addon;
mod engine;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use engine::log::fuzzing;
pub use engine::{
    Attempt, Backend, Code, Database, Document, Error, Failure, Former, Observer, Options, Pages, Progress,
    Read, Result, ShardStats, State, Stats, Submitted, Texts, Times, io, limits,
    log::{Draft, Kind},
    shard::collection::Collection,
    verify,
};
