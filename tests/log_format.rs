//! The log's file left by an earlier lap or run, foreign, in another place, or of another size: an opening takes what is its own
//! and leaves the rest untouched. Damaged ones are in log_damage.rs.

mod common;

use std::fs;

use common::{Home, all, check_integrity, delete, found, get, open, refused, set, try_open, value};
use kimdb::{Code, Database, Options};

/// Where the ring begins in the file, behind two header pages.
const RING_AT: usize = 8192;

fn small(home: &Home) -> Options {
    Options { shard_count: 1, wal_size: 1 << 14, ..home.options() }
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
fn a_log_of_another_format_is_refused_and_untouched() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "1");
    for format in [1, 9] {
        let image = home.crash_image();
        let whole = fs::read(image.wal()).expect("reads");
        let bytes = common::in_format(format, whole.clone());
        fs::write(image.wal(), &bytes).expect("writes");
        // Without a log of its own, too: that one may hold writes of the database.
        for safe_mode in [true, false] {
            assert_eq!(refused(Options { safe_mode, ..image.options() }), Code::WalMismatch);
        }
        assert!(fs::read(image.wal()).expect("reads") == bytes, "untouched");
        // Another database has nothing to do with it.
        let another = Options { safe_mode: false, ..Options::new(image.path().join("another")) };
        open(Options { wal_path: image.wal(), ..another }).close().expect("closes");
        assert!(fs::read(image.wal()).expect("reads") == bytes, "untouched");
        // Nor is it passed over as the log of another process, or as a record that was too large for the log.
        fs::write(image.wal(), &whole).expect("writes");
        for name in ["app.wal.1", "app.wal.large"] {
            let beside = image.path().join(name);
            fs::write(&beside, &bytes).expect("writes");
            assert_eq!(refused(image.options()), Code::WalMismatch, "{name}");
            fs::remove_file(beside).expect("removes");
        }
        assert_eq!(value(&open(image.options()), "c", "a"), Some(("1".to_owned(), 1)));
    }
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
