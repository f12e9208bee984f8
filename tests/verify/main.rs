//! Verification: it finds what is damaged, in the log and in the shards, and touches nothing.

#[path = "../common/mod.rs"]
mod common;

mod beside;
mod locate;
mod log;
mod sample;
mod shard;
mod whole;
