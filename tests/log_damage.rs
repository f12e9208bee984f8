//! A log's file that was damaged: bytes flipped, cut off, headers lost. Whatever is in it, an opening either yields a prefix of
//! the writes, with what is whole behind the damage, or refuses and touches nothing.

mod common;

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
};

use common::{
    Home, all, delete, noted, observer::Witness, open, open_observed, random::Random, record, refused, set,
    until, value,
};
use kimdb::{Code, Database, Options};
use rusqlite::Connection;

/// Where the ring begins in the file, behind two header pages.
const RING_AT: usize = 8192;
const PAGE: usize = 4096;
const HEADER: usize = 88;

/// The states of document `a` and `b` after each of the records that [`write_some`] writes.
type States = Vec<[Option<(String, u64)>; 2]>;

fn state(db: &Database) -> [Option<(String, u64)>; 2] {
    [value(db, "c", "a"), value(db, "c", "b")]
}

/// Writes ten records of all kinds. Returns the states in between and where each record ends in the ring.
fn write_some(db: &Database) -> (States, Vec<usize>) {
    let (mut states, mut ends) = (vec![state(db)], vec![0]);
    for i in 0..10 {
        match i {
            3 => delete(db, "c", "a"),
            5 => {
                let ops = [("c", "a", Some("\"five\"")), ("c", "b", None), ("c", "b", Some("\"5\""))];
                db.submit_wait(&mut record(db, &ops)).expect("writes");
            }
            _ => set(db, "c", if i % 2 == 0 { "a" } else { "b" }, format!("\"{}\"", "x".repeat(i))),
        }
        states.push(state(db));
        ends.push(db.stats().wal_bytes as usize);
    }
    (states, ends)
}

fn small(home: &Home) -> Options {
    Options { shard_count: 1, wal_size: 1 << 14, ..home.options() }
}

#[test]
fn a_flipped_byte_leaves_what_was_written_before_it() {
    let home = Home::new();
    let db = open(small(&home));
    let (states, ends) = write_some(&db);
    let image = home.crash_image();
    let log = fs::read(image.wal()).expect("reads");
    let used = *ends.last().expect("some");
    let mut random = Random::new(1);
    for offset in (0..used).step_by(5) {
        let damaged = image.crash_image();
        let mut bytes = log.clone();
        bytes[RING_AT + offset] ^= 1 << random.below(8);
        fs::write(damaged.wal(), bytes).expect("writes");
        let db = open(small(&damaged));
        let whole = ends.iter().filter(|end| **end <= offset).count() - 1;
        let found = state(&db);
        // Bytes that only fill a record up to a multiple of eight mean nothing.
        assert!(found == states[whole] || found == states[10], "offset {offset}: {found:?}");
    }
}

/// A log as it is after a kill, of which everything was synced: its bytes, the states and where each record ends.
fn synced() -> (Home, Vec<u8>, States, Vec<usize>) {
    let home = Home::new();
    let db = open(small(&home));
    let (states, ends) = write_some(&db);
    db.submit_durable_wait(&mut record(&db, &[("c", "last", Some("1"))])).expect("writes");
    let image = noted_image(&home, &db);
    drop(db);
    let log = fs::read(image.wal()).expect("reads");
    (image, log, states, ends)
}

/// The files as a kill would leave them, once the header tells that all of a log on its first lap was synced.
fn noted_image(home: &Home, db: &Database) -> Home {
    let used = db.stats().wal_bytes;
    let mut image = home.crash_image();
    until("the header tells of the sync", || {
        image = home.crash_image();
        noted(&fs::read(image.wal()).expect("reads")) >= used
    });
    image
}

#[test]
fn a_log_that_was_made_anew_tells_of_damage_too() {
    let home = Home::new();
    let db = open(small(&home));
    set(&db, "c", "before", "1");
    drop(db);
    let larger = |home: &Home| Options { wal_size: 1 << 15, ..small(home) };
    let db = open(larger(&home));
    for id in ["first", "second", "third"] {
        let text = format!("\"text of the {id}\"");
        db.submit_durable_wait(&mut record(&db, &[("c", id, Some(&text))])).expect("writes");
    }
    let image = noted_image(&home, &db);
    let mut bytes = fs::read(image.wal()).expect("reads");
    let at = bytes.windows(6).position(|window| window == b"second").expect("is in the log");
    bytes[at] ^= 1;
    fs::write(image.wal(), &bytes).expect("writes");
    let witness = Witness::new();
    let db = open_observed(larger(&image), &witness);
    assert!(witness.saw(Code::Corrupt), "it is told");
    let whole: Vec<String> = all(&db, "c", 10).into_iter().map(|(id, ..)| id).collect();
    assert_eq!(whole.len(), 3, "{whole:?}");
    assert!(!whole.contains(&"second".to_owned()), "{whole:?}");
}

#[test]
fn a_log_that_was_cut_off_gives_what_it_holds_and_is_kept_aside() {
    let (image, log, states, ends) = synced();
    for length in [8192, 8200, 8192 + ends[3], 8192 + ends[7] + 20, log.len() / 2, log.len() - 1] {
        let cut = image.crash_image();
        fs::write(cut.wal(), &log[..length]).expect("writes");
        let witness = Witness::new();
        let db = open_observed(small(&cut), &witness);
        let whole = ends.iter().filter(|end| RING_AT + **end <= length).count() - 1;
        assert_eq!(state(&db), states[whole], "{length} bytes");
        assert!(witness.saw(Code::Corrupt), "{length} bytes: it is told");
        let aside = cut.path().join("app.wal.corrupt-1");
        assert_eq!(fs::read(&aside).expect("reads"), &log[..length], "{length} bytes: kept as it was");
        set(&db, "c", "a", "1");
        db.close().expect("closes");
        let again = Witness::new();
        assert_eq!(open_observed(small(&cut), &again).recovered(), 0);
        assert_eq!(again.errors(), [], "{length} bytes: told once");
    }
}

#[test]
fn a_log_without_a_whole_header_is_refused_and_untouched() {
    let (image, log, ..) = synced();
    for length in [1, 7, 8, 79, 80, 87] {
        let cut = image.crash_image();
        fs::write(cut.wal(), &log[..length]).expect("writes");
        let code = refused(small(&cut));
        assert!(matches!(code, Code::Corrupt | Code::WalMismatch), "{length} bytes: {code:?}");
        assert_eq!(fs::read(cut.wal()).expect("reads"), &log[..length], "{length} bytes: untouched");
        fs::write(cut.wal(), &log).expect("restores");
        assert_eq!(open(small(&cut)).recovered(), 13, "after {length} bytes were refused");
    }
}

#[test]
fn damage_in_the_synced_part_costs_its_record_and_is_told_once() {
    let (image, log, states, ends) = synced();
    // The record that deletes document `a`, and the one that writes it again.
    for (record, expected) in [(3, "\"xxxxxxxx\""), (8, "\"xxxxxx\"")] {
        let damaged = image.crash_image();
        let mut bytes = log.clone();
        bytes[RING_AT + ends[record] + 20] ^= 1;
        fs::write(damaged.wal(), &bytes).expect("writes");
        let witness = Witness::new();
        let db = open_observed(small(&damaged), &witness);
        assert_eq!(state(&db)[0].as_ref().map(|found| found.0.as_str()), Some(expected), "record {record}");
        assert_eq!(state(&db)[1], states[10][1], "record {record}: the other document is untouched");
        assert!(value(&db, "c", "last").is_some(), "record {record}: what lies behind it is there");
        let bytes_lost = db.stats().damaged_bytes;
        assert_eq!(bytes_lost, (ends[record + 1] - ends[record]) as u64);
        let errors = witness.errors();
        assert_eq!(errors.len(), 1);
        let text = errors[0].to_string();
        assert!(
            text.contains(&format!("{bytes_lost} bytes in one place")) && text.contains("corrupt-1"),
            "{text}"
        );
        db.close().expect("closes");
        let again = Witness::new();
        let db = open_observed(small(&damaged), &again);
        assert_eq!((again.errors(), db.stats().damaged_bytes), (vec![], 0), "told once");
        assert!(
            fs::read(damaged.path().join("app.wal.corrupt-1")).expect("reads") == bytes,
            "kept as it was"
        );
    }
}

#[test]
fn damage_where_the_shards_have_everything_loses_nothing_and_says_so() {
    let home = Home::new();
    let db = open(small(&home));
    set(&db, "c", "a", "1");
    db.flush_wait().expect("flushes");
    db.submit_durable_wait(&mut record(&db, &[("c", "b", Some("2"))])).expect("writes");
    let image = noted_image(&home, &db);
    let mut bytes = fs::read(image.wal()).expect("reads");
    bytes[RING_AT + 20] ^= 1;
    fs::write(image.wal(), &bytes).expect("writes");
    let witness = Witness::new();
    let db = open_observed(small(&image), &witness);
    assert_eq!(state(&db), [Some(("1".to_owned(), 1)), Some(("2".to_owned(), 1))]);
    assert!(witness.errors()[0].to_string().contains("the shards have everything"), "{:?}", witness.errors());
}

#[test]
fn one_damaged_header_costs_nothing() {
    let home = Home::new();
    let db = open(small(&home));
    let (states, _) = write_some(&db);
    let image = home.crash_image();
    let log = fs::read(image.wal()).expect("reads");
    for page in [0, 1] {
        for offset in (0..HEADER).step_by(4) {
            let damaged = image.crash_image();
            let mut bytes = log.clone();
            bytes[page * PAGE + offset] ^= 0x10;
            fs::write(damaged.wal(), bytes).expect("writes");
            assert_eq!(state(&open(small(&damaged))), states[10], "page {page}, offset {offset}");
        }
    }
}

#[test]
fn one_damaged_header_costs_nothing_after_many_laps_either() {
    let home = Home::new();
    let options = |home: &Home| Options { flush_interval_ms: 1, buffer_size: 10, ..small(home) };
    let db = open(options(&home));
    for i in 0..2000 {
        set(&db, "c", &format!("id{i}"), "\"some text\"");
    }
    db.flush_wait().expect("flushes");
    // From here on nothing is flushed: the shard is held.
    let held = common::hold(&home.shard(0));
    for i in 0..20 {
        set(&db, "c", &format!("late{i}"), "\"some text\"");
    }
    let image = home.crash_image();
    drop(held);
    for page in [0, 1] {
        let damaged = image.crash_image();
        let mut bytes = fs::read(image.wal()).expect("reads");
        bytes[page * PAGE + 30] ^= 0x10;
        fs::write(damaged.wal(), bytes).expect("writes");
        let db = open(options(&damaged));
        for i in 0..20 {
            assert_eq!(
                value(&db, "c", &format!("late{i}")).map(|found| found.1),
                Some(1),
                "page {page}, document {i}"
            );
        }
        assert_eq!(all(&db, "c", u64::MAX).len(), 2020, "page {page}");
    }
}

#[test]
fn two_damaged_headers_are_reported_and_nothing_is_touched() {
    let home = Home::new();
    let db = open(small(&home));
    write_some(&db);
    let image = home.crash_image();
    let mut bytes = fs::read(image.wal()).expect("reads");
    bytes[40] ^= 1;
    bytes[PAGE + 40] ^= 1;
    fs::write(image.wal(), &bytes).expect("writes");
    assert_eq!(refused(small(&image)), Code::Corrupt);
    assert_eq!(
        refused(Options { safe_mode: false, ..small(&image) }),
        Code::Corrupt,
        "without safe mode too"
    );
    assert!(fs::read(image.wal()).expect("reads") == bytes, "untouched");
}

#[test]
fn writes_after_a_damaged_log_are_not_mistaken_for_old_ones() {
    let home = Home::new();
    let db = open(small(&home));
    for i in 0..20 {
        set(&db, "c", &format!("id{i}"), "\"old\"");
    }
    db.flush_wait().expect("flushes");
    // The shard has all of it, the log breaks off near its start: a power cut can leave this.
    let image = home.crash_image();
    let mut bytes = fs::read(image.wal()).expect("reads");
    bytes[RING_AT + 200] ^= 1;
    fs::write(image.wal(), bytes).expect("writes");
    let db = open(small(&image));
    for i in 0..20 {
        set(&db, "c", &format!("id{i}"), "\"new\"");
    }
    db.flush_wait().expect("flushes");
    let second = image.crash_image();
    for db in [db, open(small(&second))] {
        for i in 0..20 {
            assert_eq!(value(&db, "c", &format!("id{i}")), Some(("\"new\"".to_owned(), 2)), "document {i}");
        }
    }
}

#[test]
fn whole_records_behind_a_damaged_one_do_not_come_back() {
    let home = Home::new();
    let db = open(small(&home));
    for i in 10..20 {
        set(&db, "c", &format!("id{i}"), "\"old\"");
    }
    let record = db.stats().wal_bytes as usize / 10;
    let image = home.crash_image();
    let mut bytes = fs::read(image.wal()).expect("reads");
    bytes[RING_AT + 3 * record + record / 2] ^= 1;
    fs::write(image.wal(), &bytes).expect("writes");
    for appended in 0..7 {
        let image = image.crash_image();
        let db = open(small(&image));
        assert_eq!(db.recovered(), 3, "up to the damage");
        // As large as the old ones, so these line up behind them.
        for i in 0..appended {
            set(&db, "c", &format!("id{}", 30 + i), "\"new\"");
        }
        let image = image.crash_image();
        let db = open(small(&image));
        assert_eq!(db.recovered(), appended);
        assert_eq!(all(&db, "c", 99).len() as u64, 3 + appended);
    }
}

#[test]
fn what_was_changed_before_its_flush_reaches_no_shard() {
    let text = "\"some text\"";
    let length = 16 + 18 + "c".len() + "a".len() + text.len();
    for place in 0..length {
        let home = Home::new();
        let db = open(small(&home));
        set(&db, "c", "a", text);
        let byte = fs::read(home.wal()).expect("reads")[RING_AT + place];
        let mut log = fs::OpenOptions::new().write(true).open(home.wal()).expect("opens");
        log.seek(SeekFrom::Start((RING_AT + place) as u64)).expect("seeks");
        log.write_all(&[!byte]).expect("writes");
        let error = db.flush_wait().expect_err("it is not what was written");
        assert_eq!(error.code(), Code::Corrupt, "byte {place}: {error}");
        drop(db);
        let shard = Connection::open(home.shard(0)).expect("opens");
        let count = "SELECT count(*) FROM sqlite_master WHERE name = 'c'";
        let tables: i64 = shard.query_row(count, [], |row| row.get(0)).expect("counts");
        let rows = "SELECT count(*) FROM c";
        let documents = if tables == 0 { Ok(0_i64) } else { shard.query_row(rows, [], |row| row.get(0)) };
        assert_eq!(documents, Ok(0), "byte {place}");
    }
}
