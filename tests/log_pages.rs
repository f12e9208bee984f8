//! How much a small durable write brings to the disk: about the page that it lies in, also where that page was written in a bulk
//! load or read from the disk before. Linux counts for each process what it has changed of the pages of files; in a program of
//! its own, so that nobody else's writes count.
#![cfg(target_os = "linux")]

mod common;

use std::{fs, os::unix::fs::FileExt, path::Path};

use common::{Home, open, record, set, until};
use kimdb::{Database, Options};
use rustix::fs::{Advice, fadvise};

/// Bytes of the log. Pieces grow while it is written in order, so it is a large one, as it is by default.
const SIZE: u64 = PLACES * STEP;

/// Bytes that are written between the places of the log that are looked at.
const STEP: u64 = 6 << 20;
const PLACES: u64 = 8;

/// Durable writes at each place.
const WRITES: u64 = 20;

/// A write changes one page or two, and the header is written now and then. A file that is read ahead has pieces of 32 pages and
/// more.
fn most() -> u64 {
    6 * rustix::param::page_size() as u64
}

/// What Linux has counted of this process: `write_bytes`, which it changed in files in memory, or `read_bytes` from the disk.
fn counted(what: &str) -> u64 {
    let figures = fs::read_to_string("/proc/self/io").expect("Linux counts");
    let mut lines = figures.lines().filter_map(|line| line.split_once(": "));
    let (_, figure) = lines.find(|(name, _)| *name == what).expect("such a line");
    figure.parse().expect("a number")
}

fn fill(db: &Database, bytes: u64) {
    let json = format!("\"{}\"", "x".repeat(1000));
    (0..bytes / 1000).for_each(|i| set(db, "bulk", &format!("{}", i % 1000), &json));
    db.flush_wait().expect("flushes");
}

/// Bytes that each of some small durable writes changes.
fn cost(db: &Database) -> u64 {
    let before = counted("write_bytes");
    for i in 0..WRITES {
        let id = format!("{i}");
        db.submit_durable_wait(&mut record(db, &[("durable", &id, Some("\"small\""))])).expect("writes");
    }
    (counted("write_bytes") - before) / WRITES
}

fn options(home: &Home) -> Options {
    Options { wal_size: SIZE, ..home.options() }
}

/// Has the system forget the file's pages, as after a reboot. Whether it did: some file systems are in memory alone.
fn forget(path: &Path) -> bool {
    let file = fs::File::open(path).expect("opens");
    fadvise(&file, 0, None, Advice::DontNeed).expect("forgets");
    // One page, not what lies behind it.
    fadvise(&file, 0, None, Advice::Random).expect("is told");
    let before = counted("read_bytes");
    file.read_exact_at(&mut [0], 0).expect("reads");
    counted("read_bytes") > before
}

#[test]
fn a_small_durable_write_brings_little_to_the_disk_wherever_it_lies() {
    let home = Home::new();
    let db = open(options(&home));
    // Once around and on.
    for step in 1..=PLACES + 2 {
        fill(&db, STEP);
        let cost = cost(&db);
        assert!(cost <= most(), "{cost} bytes a write behind {step} steps");
    }
    drop(db);

    // The next process finds the log on the disk alone. What lies in front of its writes is read before it is needed.
    let is_forgotten = forget(&home.wal());
    let before = counted("read_bytes");
    let db = open(options(&home));
    if is_forgotten {
        until("a part of the log is read", || counted("read_bytes") >= before + (1 << 20));
    }
    for step in 1..=PLACES {
        fill(&db, STEP);
        let cost = cost(&db);
        assert!(cost <= most(), "{cost} bytes a write behind a reopening and {step} steps");
    }
    drop(db);

    // Another file for the log, because it was removed, gets no large pieces either.
    let db = open(options(&home));
    fill(&db, STEP);
    fs::remove_file(home.wal()).expect("removes");
    cost(&db);
    assert!(home.wal().exists(), "a durable write got another file");
    for step in 1..=PLACES {
        fill(&db, STEP);
        let cost = cost(&db);
        assert!(cost <= most(), "{cost} bytes a write in another file behind {step} steps");
    }
}
