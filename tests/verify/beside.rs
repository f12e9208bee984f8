//! What lies beside a log: records too large for it, and damaged files that an opening has kept.

use std::{fs, sync::Arc};

use kimdb::{
    Database,
    verify::{Request, Severity, verify},
};

use crate::{
    common::{
        Home,
        failing::{Failing, What},
        observer::Witness,
        open, open_observed, set,
    },
    sample::{of, report, request},
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

    // As a kill leaves it before there is a header.
    fs::write(&large, [0; RING_AT / 4]).expect("writes");
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

#[test]
fn a_large_record_that_is_cut_off_or_has_no_header_is_what_an_opening_takes_it_for() {
    let (home, db) = that_keeps_large_records();
    let image = home.crash_image();
    db.close().expect("closes");
    let bytes = fs::read(image.path().join("app.wal.large")).expect("reads");
    let cut = [bytes.len() - 8, RING_AT + 500, RING_AT, 100, 0].map(|length| bytes[..length].to_vec());
    let mut without_headers = bytes.clone();
    [40, 4096 + 40].iter().for_each(|at| without_headers[*at] ^= 1);
    for bytes in cut.into_iter().chain([without_headers]) {
        let image = image.crash_image();
        let large = image.path().join("app.wal.large");
        fs::write(&large, &bytes).expect("writes");
        let is_damage = of(&report(&image), Severity::Damage).iter().any(|found| found.path == large);
        let witness = Witness::new();
        open_observed(image.options(), &witness).close().expect("closes");
        let is_told =
            witness.errors().iter().any(|error| error.to_string().contains("too large for the log"));
        let is_there = !bytes.is_empty();
        assert_eq!((is_damage, is_told), (is_there, is_there), "{}", bytes.len());
    }
}

#[test]
fn what_lies_beside_a_log_that_a_link_leads_to_is_looked_at() {
    let (home, db) = that_keeps_large_records();
    let image = home.crash_image();
    db.close().expect("closes");
    let elsewhere = tempfile::tempdir().expect("a folder");
    for name in ["app.wal", "app.wal.large"] {
        fs::rename(image.path().join(name), elsewhere.path().join(name)).expect("moves");
    }
    std::os::unix::fs::symlink(elsewhere.path().join("app.wal"), image.wal()).expect("links");
    let named = Request { log: Some(image.wal()), ..request(&image) };
    let found = verify(&named, &mut |_, _| ()).expect("verifies");
    let logs: Vec<_> = found.logs.iter().filter_map(|log| log.path.file_name()).collect();
    assert_eq!(logs, ["app.wal", "app.wal.large"]);
}
