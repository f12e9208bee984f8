//! The log is full: writes wait in line, nothing overtakes, nothing grows without bound, nothing waits for ever.

#[path = "../common/mod.rs"]
mod common;

mod held;
mod line;
mod ring;
mod size;
