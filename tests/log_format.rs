//! The log's file: damaged, cut off, left by an earlier lap or run, foreign, or of another size. Whatever is in it, an
//! opening either yields a prefix of the writes or refuses and touches nothing.

mod common;

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use common::{
    Home, all, check_integrity, delete, found, get, observer::Witness, open, open_observed, random::Random,
    record, refused, set, try_open, value,
};
use kimdb::{Code, Database, Options};

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
    let synced = |log: &[u8], copy: usize| {
        u64::from_le_bytes(log[copy + 80..copy + 88].try_into().expect("eight bytes"))
    };
    let start = Instant::now();
    loop {
        let image = home.crash_image();
        let log = fs::read(image.wal()).expect("reads");
        assert!(start.elapsed() < Duration::from_secs(60), "the header never tells of the sync");
        if synced(&log, 0).max(synced(&log, PAGE)) >= used {
            return image;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_log_that_was_cut_off_gives_what_it_holds_and_is_kept_aside() {
    let (image, log, states, ends) = synced();
    for length in [8192, 8200, 8192 + ends[3], 8192 + ends[7] + 40, log.len() / 2, log.len() - 1] {
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
        bytes[RING_AT + ends[record] + 40] ^= 1;
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
    bytes[RING_AT + 40] ^= 1;
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
fn what_an_earlier_lap_left_is_not_recovered() {
    let home = Home::new();
    let db = open(small(&home));
    let mut expected = 0;
    for lap in 0..5 {
        // All records have one size, so what the last lap left lines up behind the newest.
        for i in 0..200 {
            set(&db, "c", &format!("id{i:03}"), format!("\"lap {lap}\""));
            expected += u64::from(i == 0);
        }
        db.flush_wait().expect("flushes");
    }
    for i in 0..7 {
        set(&db, "c", &format!("id{i:03}"), "\"lap 5\"");
    }
    let image = home.crash_image();
    let db = open(small(&image));
    assert!(db.recovered() >= 7);
    for i in 0..200 {
        let (lap, version) = if i < 7 { (5, expected + 1) } else { (4, expected) };
        assert_eq!(
            value(&db, "c", &format!("id{i:03}")),
            Some((format!("\"lap {lap}\""), version)),
            "document {i}"
        );
    }
}

#[test]
fn what_an_earlier_run_left_is_not_recovered() {
    for later in [0, 1, 3, 10] {
        let home = Home::new();
        let db = home.open();
        for i in 0..10 {
            set(&db, "c", &format!("id{i}"), "\"first\"");
        }
        let image = home.crash_image();
        let db = image.open();
        assert_eq!(db.recovered(), 10);
        for i in 0..later {
            set(&db, "c", &format!("id{i}"), "\"later\"");
        }
        let image = image.crash_image();
        let db = image.open();
        assert_eq!(db.recovered(), later);
        for i in 0..10 {
            let expected = if i < later { ("\"later\"", 2) } else { ("\"first\"", 1) };
            assert_eq!(value(&db, "c", &format!("id{i}")), Some((expected.0.to_owned(), expected.1)));
        }
    }
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
fn recovery_that_was_killed_goes_on_and_applies_nothing_twice() {
    let home = Home::new();
    let db = home.open();
    for i in 0..40 {
        set(&db, "c", &format!("id{i}"), "1");
    }
    db.flush_wait().expect("flushes");
    for i in 0..40 {
        set(&db, "c", &format!("id{i}"), "2");
        set(&db, "d", &format!("id{i}"), "3");
    }
    let image = home.crash_image();
    let recovered = image.crash_image();
    assert_eq!(recovered.open().recovered(), 80);
    // Killed when so many shards had their part, and before the log was renewed.
    for done in 0..=4 {
        let killed = image.crash_image();
        for shard in 0..done {
            let _ = fs::remove_file(killed.path().join(format!("app_shard{shard}.db-wal")));
            fs::copy(recovered.shard(shard), killed.shard(shard)).expect("copies");
        }
        let db = killed.open();
        for i in 0..40 {
            assert_eq!(value(&db, "c", &format!("id{i}")), Some(("2".to_owned(), 2)), "{done} shards done");
            assert_eq!(value(&db, "d", &format!("id{i}")), Some(("3".to_owned(), 1)), "{done} shards done");
        }
        if done == 4 {
            assert_eq!(db.recovered(), 0);
        }
    }
}

#[test]
fn a_file_that_is_no_log_is_refused_and_untouched() {
    let sqlite = Home::new();
    rusqlite::Connection::open(sqlite.wal())
        .expect("opens")
        .execute_batch("CREATE TABLE t (x)")
        .expect("creates");
    let sqlite = fs::read(sqlite.wal()).expect("reads");
    let texts: [&[u8]; 5] =
        [b"# Notes\n\nKeep this.\n", b"{\"name\":\"package\"}\n", b"\0\0\0\0", b"KIMDB", &sqlite];
    for (safe_mode, content) in [true, false].into_iter().flat_map(|safe| texts.map(|text| (safe, text))) {
        let home = Home::new();
        fs::write(home.wal(), content).expect("writes");
        if safe_mode {
            assert_eq!(refused(home.options()), Code::WalMismatch);
        } else {
            // It needs no log, so the file is nothing to it.
            open(Options { safe_mode, ..home.options() }).close().expect("closes");
        }
        assert_eq!(fs::read(home.wal()).expect("reads"), content);
    }
}

#[test]
fn a_log_of_a_later_format_is_refused_and_untouched() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "1");
    let image = home.crash_image();
    let mut bytes = fs::read(image.wal()).expect("reads");
    for page in [0, PAGE] {
        let header = &mut bytes[page..page + HEADER];
        header[8..12].copy_from_slice(&9_u32.to_le_bytes());
        header[12..16].fill(0);
        let crc = crc32c::crc32c(header);
        header[12..16].copy_from_slice(&crc.to_le_bytes());
    }
    fs::write(image.wal(), &bytes).expect("writes");
    assert_eq!(refused(image.options()), Code::WalMismatch);
    assert!(fs::read(image.wal()).expect("reads") == bytes, "untouched");
}

/// Closes the database and puts its files back as they were before, as if it had been killed.
fn kill(home: &Home, db: std::sync::Arc<Database>, log: &std::path::Path) {
    let image = home.crash_image();
    let content = fs::read(log).expect("reads");
    db.close().expect("closes");
    drop(db);
    for entry in fs::read_dir(image.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), home.path().join(entry.file_name())).expect("copies");
    }
    fs::write(log, content).expect("writes");
}

#[test]
fn a_log_in_another_place_is_found_and_not_applied_again_later() {
    let home = Home::new();
    let other_home = Home::new();
    let elsewhere = other_home.path().join("folder/other.wal");
    let other = Options { wal_path: elsewhere.clone(), ..home.options() };
    let db = home.open();
    set(&db, "c", "a", "\"first\"");
    db.flush_wait().expect("flushes");
    set(&db, "c", "a", "\"second\"");
    kill(&home, db, &home.wal());
    let db = open(other.clone());
    assert_eq!(value(&db, "c", "a"), Some(("\"second\"".to_owned(), 2)), "only the first log has it");
    set(&db, "c", "a", "\"third\"");
    kill(&home, db, &elsewhere);
    for options in [home.options(), other.clone(), home.options()] {
        let db = open(options);
        assert_eq!(value(&db, "c", "a"), Some(("\"third\"".to_owned(), 3)));
        db.close().expect("closes");
    }
}

#[test]
fn a_copy_of_a_database_leaves_the_log_of_the_original_alone() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "1");
    db.flush_wait().expect("flushes");
    set(&db, "c", "a", "2");
    let copy = home.crash_image();
    kill(&home, db, &home.wal());
    fs::remove_file(copy.wal()).expect("removes");
    let before = fs::read(home.wal()).expect("reads");
    let db = open(copy.options());
    assert_eq!(value(&db, "c", "a"), Some(("1".to_owned(), 1)));
    db.close().expect("closes");
    assert!(fs::read(home.wal()).expect("reads") == before, "untouched");
    assert_eq!(value(&home.open(), "c", "a"), Some(("2".to_owned(), 2)));
}

/// Two databases in one folder whose log was to be the same file.
fn pair(home: &Home, is_default: bool) -> [Options; 2] {
    ["first", "second"].map(|name| Options {
        base: home.path().join(name),
        wal_path: home.path().join("buffer.wal"),
        wal_path_is_default: is_default,
        ..home.options()
    })
}

#[test]
fn another_databases_log_is_left_alone() {
    let home = Home::new();
    let [first, second] = pair(&home, false);
    let db = open(first.clone());
    set(&db, "c", "a", "1");
    assert!(matches!(refused(second.clone()), Code::WalMismatch | Code::Locked), "while it is in use");
    let image = home.crash_image();
    let [first, second] = pair(&image, false);
    let bytes = fs::read(image.path().join("buffer.wal")).expect("reads");
    assert_eq!(refused(second.clone()), Code::WalMismatch);
    assert_eq!(refused(second.clone()), Code::WalMismatch, "again");
    assert!(fs::read(image.path().join("buffer.wal")).expect("reads") == bytes, "untouched");
    assert_eq!(value(&open(first), "c", "a"), Some(("1".to_owned(), 1)));
}

#[test]
fn the_default_log_of_two_databases_is_two_files() {
    let home = Home::new();
    let [first, second] = pair(&home, true).map(open);
    assert_eq!(first.wal_path(), Some(home.path().join("buffer.wal").as_path()));
    assert_eq!(second.wal_path(), Some(home.path().join("second.wal").as_path()));
    set(&first, "c", "a", "1");
    set(&second, "c", "a", "2");
    let image = home.crash_image();
    // Whichever is opened first.
    for order in [[0, 1], [1, 0]] {
        let image = image.crash_image();
        for number in order {
            let db = open(pair(&image, true)[number].clone());
            assert_eq!(value(&db, "c", "a"), Some(((number + 1).to_string(), 1)));
        }
    }
}

#[test]
fn a_database_finds_its_own_log_when_the_default_one_is_gone() {
    let home = Home::new();
    let [first, second] = pair(&home, true).map(open);
    set(&second, "c", "a", "1");
    let image = home.crash_image();
    first.close().expect("closes");
    // The first database and its log were deleted.
    fs::remove_file(image.path().join("buffer.wal")).expect("removes");
    let [_, options] = pair(&image, true);
    let db = open(options.clone());
    assert_eq!(value(&db, "c", "a"), Some(("1".to_owned(), 1)));
    set(&db, "c", "a", "2");
    db.close().expect("closes");
    // And the old log does not come back over what is newer.
    assert_eq!(value(&open(options), "c", "a"), Some(("2".to_owned(), 2)));
}

#[test]
fn another_wal_size_keeps_what_is_in_the_log() {
    for size in [1 << 15, 1 << 20, 3 << 20, (1 << 20) + 4096] {
        let home = Home::new();
        let db = home.open();
        for i in 0..300 {
            set(&db, "c", &format!("id{i}"), format!("\"{}\"", "x".repeat(1000)));
        }
        delete(&db, "c", "id0");
        let image = home.crash_image();
        let db = image.open_with(|options| options.wal_size = size);
        assert_eq!((db.recovered(), db.stats().wal_size), (301, size));
        assert_eq!(fs::metadata(image.wal()).expect("is there").len(), RING_AT as u64 + size);
        set(&db, "c", "id1", "\"new\"");
        let image = image.crash_image();
        let db = image.open();
        assert_eq!(db.recovered(), 1);
        assert_eq!(value(&db, "c", "id1"), Some(("\"new\"".to_owned(), 2)));
        assert_eq!(all(&db, "c", u64::MAX).len(), 299);
        db.close().expect("closes");
        check_integrity(&image);
    }
}

#[test]
fn a_wal_size_that_is_no_multiple_of_anything_works() {
    let home = Home::new();
    let db = home.open_with(|options| options.wal_size = (1 << 15) + 3);
    for i in 0..2000 {
        set(&db, "c", &format!("id{i}"), "\"some text\"");
    }
    let image = home.crash_image();
    let db = image.open_with(|options| options.wal_size = (1 << 15) + 3);
    assert_eq!(all(&db, "c", u64::MAX).len(), 2000);
}

#[test]
fn a_killed_run_with_safe_mode_is_recovered_without() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "1");
    set(&db, "c", "a", "2");
    let image = home.crash_image();
    let unsafe_options = Options { safe_mode: false, ..image.options() };
    let db = open(unsafe_options.clone());
    assert_eq!(db.recovered(), 2);
    assert_eq!(get(&db, "c", "a"), found("2", 2, false));
    db.close().expect("closes");
    let db = open(unsafe_options);
    assert_eq!((db.recovered(), get(&db, "c", "a")), (0, found("2", 2, false)));
    db.close().expect("closes");
    assert_eq!(image.open().recovered(), 0);
}

#[test]
fn a_closed_database_has_an_empty_log_and_no_other_files() {
    let home = Home::new();
    let db = home.open_busy();
    for i in 0..3000 {
        set(&db, "c", &format!("id{i}"), "\"some text\"");
    }
    db.close().expect("closes");
    assert_eq!(db.stats().wal_bytes, 0);
    let mut names: Vec<String> = fs::read_dir(home.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    let mut expected: Vec<String> = (0..4).map(|shard| format!("app_shard{shard}.db")).collect();
    expected.insert(0, "app.wal".to_owned());
    assert_eq!(names, expected);
    // Even the shards alone hold everything.
    fs::remove_file(home.wal()).expect("removes");
    assert_eq!(all(&home.open(), "c", u64::MAX).len(), 3000);
}

#[test]
fn a_log_path_that_cannot_be_used_is_an_error() {
    let home = Home::new();
    let options = Options { wal_path: home.path().to_owned(), ..home.options() };
    assert_eq!(refused(options.clone()), Code::Io, "a folder");
    fs::write(home.path().join("file"), "").expect("writes");
    let below = Options { wal_path: home.path().join("file/app.wal"), wal_path_is_default: false, ..options };
    assert_eq!(refused(below), Code::Io, "below a file");
    let nested = home.path().join("new/folders/app.wal");
    let db = try_open(Options { wal_path: nested.clone(), ..home.options() }).expect("folders are made");
    assert_eq!(db.wal_path(), Some(nested.as_path()));
}

#[test]
fn a_draft_that_a_kill_left_is_not_the_log() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "1");
    let image = home.crash_image();
    // Killed between giving the new log its name and taking the draft's away.
    let shard = rusqlite::Connection::open(image.shard(0)).expect("opens");
    let sql = "SELECT lower(hex(substr(value, 1, 4))) FROM _kimdb_meta WHERE key = 'database'";
    let id: String = shard.query_row(sql, [], |row| row.get(0)).expect("is there");
    drop(shard);
    let draft = image.path().join(format!("app.wal.{id}.new"));
    fs::hard_link(image.wal(), &draft).expect("links");
    for (size, recovered) in [(1 << 20, 1), (2 << 20, 0), (1 << 20, 0)] {
        let db = image.open_with(|options| options.wal_size = size);
        assert_eq!((db.recovered(), value(&db, "c", "a")), (recovered, Some(("1".to_owned(), 1))));
        db.close().expect("closes");
    }
    assert!(!draft.exists(), "the draft is gone");
}
