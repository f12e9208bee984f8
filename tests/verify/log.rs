//! Damage of the log is found, down to each field of a record, and a log that is not the database's is told apart.

use std::fs;

use kimdb::verify::{Finding, Request, Severity, verify};

use crate::{
    common::{Home, in_format, noted, record, set, until},
    sample::{DOCUMENTS, closed, killed, of, only, report, request},
};

const RING_AT: usize = 8192;
const PAGE: usize = 4096;

#[test]
fn flipped_bytes_of_the_log_are_found() {
    let home = Home::new();
    let db = home.open();
    let mut starts = Vec::new();
    for i in 0..10 {
        starts.push(db.stats().wal_bytes as usize);
        set(&db, "users", &format!("id{i}"), format!("\"{}\"", "x".repeat(40)));
    }
    let used = db.stats().wal_bytes;
    let mut image = home.crash_image();
    until("the header tells what was synced", || {
        db.submit_durable_wait(&mut record(&db, &[("users", "last", Some("1"))])).expect("writes");
        image = home.crash_image();
        noted(&fs::read(image.wal()).expect("reads")) >= used
    });
    assert_eq!(report(&image).findings, []);
    let log = fs::read(image.wal()).expect("reads");
    for start in starts {
        // Length, checksum, time, mark, an operation's checksum, number, lengths, name, id and text.
        for offset in [0, 5, 9, 14, 17, 21, 25, 27, 31, 36, 40, 60] {
            let mut damaged = log.clone();
            damaged[RING_AT + start + offset] ^= 0x11;
            fs::write(image.wal(), damaged).expect("writes");
            let report = report(&image);
            let found = only(&report);
            assert!(found.text.contains("not whole") && found.path == image.wal(), "{found:?}");
            assert!(report.logs[0].damaged_bytes > 0);
        }
    }
}

#[test]
fn one_damaged_header_is_a_note_and_two_are_damage() {
    let (home, db) = killed();
    let image = home.crash_image();
    db.close().expect("closes");
    let mut log = fs::read(image.wal()).expect("reads");
    log[50] ^= 1;
    fs::write(image.wal(), &log).expect("writes");
    let report = report(&image);
    assert_eq!(of(&report, Severity::Damage), Vec::<&Finding>::new());
    assert!(of(&report, Severity::Note)[0].text.contains("header"), "{report:?}");
    assert_eq!(report.logs[0].unflushed, DOCUMENTS / 2);

    log[PAGE + 50] ^= 1;
    fs::write(image.wal(), &log).expect("writes");
    assert!(only(&self::report(&image)).text.contains("Both headers"));
}

#[test]
fn a_log_of_another_length_is_damage() {
    let home = closed();
    let log = fs::read(home.wal()).expect("reads");
    fs::write(home.wal(), &log[..log.len() - 1]).expect("writes");
    assert!(only(&report(&home)).text.contains("another length"));
}

#[test]
fn a_log_that_is_not_the_database_s_is_not_checked() {
    let (home, other) = (closed(), closed());
    let wrong = Request { log: Some(other.wal()), ..request(&home) };
    let report = verify(&wrong, &mut |_, _| ()).expect("verifies");
    assert!(of(&report, Severity::Unchecked)[0].text.contains("another database"), "{report:?}");
    let missing = Request { log: Some(home.path().join("none")), ..request(&home) };
    let report = verify(&missing, &mut |_, _| ()).expect("verifies");
    assert!(report.has(Severity::Unchecked) && !report.has(Severity::Damage), "{report:?}");
}

#[test]
fn a_log_behind_its_shards_is_damage() {
    let (home, db) = killed();
    let early = fs::read(home.wal()).expect("reads");
    set(&db, "users", "later", "1");
    db.flush_wait().expect("flushes");
    let image = home.crash_image();
    db.close().expect("closes");
    // An older copy of the log in the place of the one that was there.
    fs::write(image.wal(), early).expect("writes");
    let report = report(&image);
    assert!(!of(&report, Severity::Damage).is_empty(), "{report:?}");
    assert!(of(&report, Severity::Damage).iter().all(|found| found.text.contains("the log ends at")));
}

#[test]
fn logs_of_another_format_are_not_verified_and_said_to_be() {
    let (home, db) = killed();
    let image = home.crash_image();
    db.close().expect("closes");
    let whole = fs::read(image.wal()).expect("reads");
    let other = in_format(1, whole.clone());
    for name in ["app.wal", "app.wal.1", "app.wal.large"] {
        fs::write(image.wal(), &whole).expect("writes");
        let path = image.path().join(name);
        fs::write(&path, &other).expect("writes");
        let report = report(&image);
        let found = of(&report, Severity::Unchecked);
        assert!(
            found.len() == 1 && found[0].path == path && found[0].text.contains("format 1"),
            "{report:?}"
        );
        fs::remove_file(&path).expect("removes");
    }
    // Another database's are nothing to this one.
    let (another, db) = killed();
    let others = in_format(1, fs::read(another.wal()).expect("reads"));
    drop(db);
    fs::write(image.wal(), &whole).expect("writes");
    for name in ["app.wal.1", "app.wal.large"] {
        fs::write(image.path().join(name), &others).expect("writes");
    }
    assert_eq!(of(&report(&image), Severity::Unchecked), Vec::<&Finding>::new());
}
