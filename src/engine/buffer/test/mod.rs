//! The index over the log, by steps.

mod agreement;
mod generations;
mod versions;

use std::sync::Arc;

use super::{Buffer, Lookup, lookup::Pending};
use crate::engine::log::{self, Draft, Kind, Log, Lsn};

fn write(log: &Log, id: &str) {
    let mut draft = Draft::default();
    draft.clear();
    draft.push(Kind::Upsert, 1, "c", id, b"text");
    log.append(&mut draft, || unreachable!("there is room")).expect("appends");
}

fn delete(log: &Log, id: &str) {
    let mut draft = Draft::default();
    draft.clear();
    draft.push(Kind::Delete, 1, "c", id, b"");
    log.append(&mut draft, || unreachable!("there is room")).expect("appends");
}

fn pending(buffer: &Buffer, id: &str) -> Pending {
    match buffer.read(1, id, &mut Vec::new()).expect("is intact") {
        Lookup::Unsettled(pending) => pending,
        other => panic!("{other:?}"),
    }
}

fn setup() -> (Arc<Log>, Buffer) {
    let log = log::open_anonymous([1; 16], [2; 16], 1 << 16, Lsn(0)).expect("memory").log;
    let buffer = Buffer::new(&log);
    (log, buffer)
}
