//! What lies beside a log: records too large for it, and damaged files that an opening has kept.

use std::{fs, sync::Arc};

use kimdb::{Database, verify::Severity};

use crate::{
    common::{
        Home,
        failing::{Failing, What},
        open, set,
    },
    sample::{of, report},
};

const RING_AT: usize = 8192;
/// Bytes of the record behind which a large one is applied.
const MARK: usize = 16;

/// A database whose large records stay beside its log, because files with such names cannot be removed.
fn that_keeps_large_records() -> (Home, Arc<Database>) {
    let home = Home::new();
    let disk = Failing::new(What::Removals, ".large");
    disk.switch(true);
    let db = home.open_with(|options| options.files = Arc::new(disk.clone()));
    set(&db, "users", "large", format!("\"{}\"", "x".repeat(600_000)));
    (home, db)
}

#[test]
fn a_large_record_is_looked_at_and_so_are_damaged_files_that_were_kept() {
    let (home, db) = that_keeps_large_records();
    let image = home.crash_image();
    db.close().expect("closes");
    fs::write(image.path().join("app.wal.corrupt-1"), "kept").expect("writes");
    fs::write(image.path().join("app.wal.large.corrupt-1"), "kept").expect("writes");
    let large = image.path().join("app.wal.large");
    let found = report(&image);
    let logs: Vec<_> = found.logs.iter().map(|log| log.path.clone()).collect();
    assert_eq!(logs, [image.wal(), large.clone()]);
    assert_eq!(of(&found, Severity::Note).len(), 2, "{found:?}");

    // A log of one record has the format of any other.
    let log = fs::read(image.wal()).expect("reads");
    fs::write(&large, &log[..RING_AT / 4]).expect("writes");
    let found = report(&image);
    assert!(of(&found, Severity::Damage).is_empty());
    assert!(of(&found, Severity::Note).iter().any(|found| found.path == large), "{found:?}");
}

#[test]
fn a_large_record_that_the_log_went_on_behind_holds_nothing_to_recover() {
    let (home, db) = that_keeps_large_records();
    set(&db, "users", "large", "\"newer\"");
    db.flush_wait().expect("flushes");
    let image = home.crash_image();
    let found = report(&image);
    let notes = of(&found, Severity::Note);
    assert!(matches!(notes[..], [one] if one.text.contains("removes it")), "{found:?}");
    let unflushed: u64 = found.logs.iter().map(|log| log.unflushed).sum();
    let db = open(image.options());
    assert_eq!((unflushed, db.stats().recovered_writes), (0, 0));
}

#[test]
fn what_a_power_cut_leaves_right_behind_a_large_write_is_no_damage() {
    let home = Home::new();
    let db = home.open();
    set(&db, "users", "small", "1");
    set(&db, "users", "large", format!("\"{}\"", "x".repeat(600_000)));
    let image = home.crash_image();
    let mut log = fs::read(image.wal()).expect("reads");
    let number = |at: usize| u64::from_le_bytes(log[at..at + 8].try_into().expect("eight bytes"));
    let (_sequence, start) =
        [0, 4096].map(|copy| (number(copy + 16), number(copy + 72))).into_iter().max().expect("two");
    let mark = RING_AT + start as usize;
    assert_eq!(usize::from(log[mark]), MARK);
    // It was not synced yet, and the shards know of it.
    log[mark..mark + MARK].fill(0);
    fs::write(image.wal(), &log).expect("writes");
    let found = report(&image);
    assert!(!found.has(Severity::Damage), "{found:#?}");
}
