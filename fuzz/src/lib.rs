//! What the fuzzers run: each module has a `run` that takes any bytes and panics when the engine breaks a promise.
//!
//! `fuzz_targets/` hands these to libFuzzer, tests/fuzz.rs runs them over the corpus on stable.

#![allow(missing_docs, reason = "tests and fuzzers are the only readers")]

pub mod format;
pub mod home;
pub mod legacy;
pub mod model;
pub mod record;
pub mod recovery;

/// Takes any bytes; a panic is a finding.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 4] =
    [("record", record::run), ("recovery", recovery::run), ("legacy", legacy::run), ("model", model::run)];
