//! A log so small that it is soon full.

use std::sync::Arc;

use kimdb::{Database, Options};

use crate::common::{Held, Home, fill, hold, ids_of, open};

pub const RING: u64 = 1 << 14;

pub fn tiny(home: &Home) -> Options {
    Options { shard_count: 2, wal_size: RING, ..home.options() }
}

/// A database whose log is full, because shard 0 is held; the last of the ids waits.
pub fn full(home: &Home) -> (Arc<Database>, Held, Vec<String>) {
    let db = open(tiny(home));
    let held = hold(&home.shard(0));
    let ids = fill(&db, "c", ids_of(&db, 0), "\"some text that fills the log\"");
    (db, held, ids)
}
