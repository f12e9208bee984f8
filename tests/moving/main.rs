//! Another number of shards on data that is there: everything moves, or nothing does and the error says why.

#[path = "../common/mod.rs"]
mod common;

mod document;
mod recovery;
mod refusal;
mod sample;
