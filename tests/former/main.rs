//! What the old library named in its own way: number ids, and files of a `dbPath` that does not end in its only `.db`.

#[path = "../common/mod.rs"]
mod common;

mod file;
mod half_pairs;
mod number;
mod rows;
