//! Shard files that are missing, foreign, damaged, too many, or held by another program.

mod common;

use std::{fs, sync::Arc};

use common::{
    Home, all, call, check_integrity, found, get, hold, ids_of, observer::Witness, open, open_observed,
    refused, set, try_open, until, value,
};
use kimdb::{Code, Options};
use rusqlite::Connection;

/// A closed database with documents in all four shards.
fn filled() -> Home {
    let home = Home::new();
    let db = home.open();
    for i in 0..40 {
        set(&db, "c", &format!("id{i}"), "1");
    }
    db.close().expect("closes");
    home
}

#[test]
fn a_missing_shard_is_reported_and_not_replaced() {
    for missing in 0..4 {
        let home = filled();
        let aside = home.path().join("aside");
        fs::rename(home.shard(missing), &aside).expect("moves");
        for _ in 0..2 {
            let error = try_open(home.options()).expect_err("refused");
            assert_eq!((error.code(), error.shard()), (Code::Corrupt, Some(missing)), "{error}");
            assert!(!home.shard(missing).exists(), "not replaced");
        }
        fs::rename(&aside, home.shard(missing)).expect("moves back");
        assert_eq!(all(&home.open(), "c", 99).len(), 40);
    }
}

#[test]
fn an_emptied_shard_is_reported() {
    for shard in 0..4 {
        let home = filled();
        fs::write(home.shard(shard), b"").expect("empties");
        assert_eq!(refused(home.options()), Code::Corrupt, "shard {shard}");
    }
}

#[test]
fn a_file_that_is_no_database_is_reported_and_untouched() {
    for shard in 0..4 {
        let home = filled();
        let garbage = "This is no database. ".repeat(1000);
        fs::write(home.shard(shard), &garbage).expect("writes");
        let error = try_open(home.options()).expect_err("refused");
        assert_eq!((error.code(), error.shard()), (Code::Corrupt, Some(shard)), "{error}");
        assert_eq!(error.path(), Some(home.shard(shard).as_path()));
        assert_eq!(fs::read_to_string(home.shard(shard)).expect("reads"), garbage);
    }
}

#[test]
fn a_shard_of_another_database_or_another_place_is_reported() {
    for shard in 0..4 {
        let (home, other) = (filled(), filled());
        fs::copy(other.shard(shard), home.shard(shard)).expect("copies");
        assert_eq!(refused(home.options()), Code::Corrupt, "shard {shard} of another database");
    }
    let home = filled();
    fs::copy(home.shard(1), home.shard(2)).expect("copies");
    assert_eq!(refused(home.options()), Code::Corrupt, "shard 1 as shard 2");
}

#[test]
fn the_log_of_other_shards_is_not_applied() {
    let (home, other) = (filled(), filled());
    let db = home.open();
    set(&db, "c", "late", "1");
    let image = home.crash_image();
    for shard in 0..4 {
        let _ = fs::remove_file(image.path().join(format!("app_shard{shard}.db-wal")));
        fs::copy(other.shard(shard), image.shard(shard)).expect("copies");
    }
    assert_eq!(refused(Options { wal_path_is_default: false, ..image.options() }), Code::WalMismatch);
}

#[test]
fn a_creation_that_was_killed_is_completed() {
    let home = Home::new();
    home.open().close().expect("closes");
    // Shard 0 is made last; a file may be there before it is known whose it is.
    for (claimed, bare) in (0..4).flat_map(|claimed| (0..=4 - claimed).map(move |bare| (claimed, bare))) {
        let killed = Home::new();
        for shard in 4 - claimed..4 {
            fs::copy(home.shard(shard), killed.shard(shard)).expect("copies");
        }
        for shard in 4 - claimed - bare..4 - claimed {
            let connection = Connection::open(killed.shard(shard)).expect("opens");
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).expect("sets");
        }
        let db = killed.open();
        set(&db, "c", "a", "1");
        db.close().expect("closes");
        assert_eq!(
            get(&killed.open(), "c", "a"),
            found("1", 1, false),
            "{claimed} claimed, {bare} more made"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let home = Home::new();
    fs::write(home.path().join("file"), "").expect("writes");
    let error = try_open(Options::new(home.path().join("file/app"))).expect_err("refused");
    assert_eq!(error.code(), Code::Io, "{error}");
    let nested = home.path().join("new/folders/app");
    let db = try_open(Options { wal_size: 1 << 20, ..Options::new(&nested) }).expect("folders are made");
    set(&db, "c", "a", "1");
    db.close().expect("closes");
    assert!(home.path().join("new/folders/app_shard0.db").exists());
}

#[test]
fn a_name_with_everything_in_it_is_a_path_like_any_other() {
    let home = Home::new();
    for name in ["with space", "ünïcödé 한글", "per%cent?mode=ro#hash", "quote'd", "app.db", "app_shard0.db"]
    {
        let options = Options {
            base: home.path().join(name),
            wal_path: home.path().join(format!("{name}.wal")),
            ..home.options()
        };
        let db = open(options.clone());
        set(&db, "c", "a", "1");
        db.close().expect("closes");
        assert!(home.path().join(format!("{name}_shard3.db")).exists(), "{name}");
        assert_eq!(get(&open(options), "c", "a"), found("1", 1, false), "{name}");
    }
}

#[test]
fn while_a_shard_is_held_writes_and_reads_go_on_and_the_error_is_told() {
    let home = Home::new();
    let witness = Witness::new();
    let db = open_observed(home.busy_options(), &witness);
    let slow: Vec<String> = ids_of(&db, 1).take(50).collect();
    let others: Vec<String> =
        (0..50).map(|i| format!("other{i}")).filter(|id| db.shard_of(id) != 1).collect();
    for id in slow.iter().chain(&others) {
        set(&db, "c", id, "1");
    }
    db.flush_wait().expect("flushes");
    let held = hold(&home.shard(1));
    for id in slow.iter().chain(&others) {
        set(&db, "c", id, "2");
    }
    for id in slow.iter().chain(&others) {
        assert_eq!(value(&db, "c", id), Some(("2".to_owned(), 2)), "reads see the buffer");
    }
    // Every other shard has its part although one has not.
    until("the other shards are flushed", || {
        let count = |shard| {
            let rows =
                db.shard_query(shard, "SELECT count(*) FROM c WHERE _version = 2", &[]).expect("reads").rows;
            match rows[0][0] {
                rusqlite::types::Value::Integer(count) => count as usize,
                ref other => panic!("{other:?} is no count"),
            }
        };
        assert_eq!(count(1), 0);
        [0, 2, 3].map(count).iter().sum::<usize>() == others.len()
    });
    until("the error is told", || witness.saw(Code::Busy));
    let error = witness.errors().into_iter().find(|error| error.code() == Code::Busy).expect("just seen");
    assert_eq!((error.shard(), error.path()), (Some(1), Some(home.shard(1).as_path())));
    assert_eq!(db.flush_wait().expect_err("not everything is flushed").code(), Code::Busy);
    drop(held);
    until("the shard takes what it missed", || db.stats().buffer_size == 0);
    db.flush_wait().expect("flushes");
    for id in slow.iter().chain(&others) {
        assert_eq!(get(&db, "c", id), found("2", 2, false), "nothing is lost, nothing applied twice");
    }
    assert!(witness.errors().iter().all(|error| error.code() == Code::Busy), "{:?}", witness.errors());
    db.close().expect("closes");
    check_integrity(&home);
}

#[test]
fn a_close_that_cannot_flush_says_so_and_leaves_everything_in_the_log() {
    let home = Home::new();
    let db = home.open();
    let ids: Vec<String> = ids_of(&db, 2).take(5).collect();
    let held = hold(&home.shard(2));
    ids.iter().for_each(|id| set(&db, "c", id, "1"));
    let closing = Arc::clone(&db);
    assert_eq!(call(move || closing.close()).finish().expect_err("held").code(), Code::Busy);
    assert!(db.close().is_ok(), "the second time there is nothing to do");
    assert_eq!(db.flush_wait().expect_err("closed").code(), Code::Closed);
    // Everything was let go of, so somebody else could come.
    drop(held);
    let db = home.open();
    assert_eq!(db.recovered(), 5);
    ids.iter().for_each(|id| assert_eq!(value(&db, "c", id), Some(("1".to_owned(), 1))));
}

#[test]
fn an_opening_while_a_shard_is_held_fails_or_works_but_loses_nothing() {
    let home = Home::new();
    let db = home.open();
    for i in 0..20 {
        set(&db, "c", &format!("id{i}"), "1");
    }
    let image = home.crash_image();
    let held = hold(&image.shard(3));
    assert_eq!(refused(image.options()), Code::Busy);
    drop(held);
    let db = image.open();
    for i in 0..20 {
        assert_eq!(value(&db, "c", &format!("id{i}")), Some(("1".to_owned(), 1)));
    }
}

#[test]
fn another_program_may_read_and_write_between_flushes() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "1");
    db.flush_wait().expect("flushes");
    let shard = db.shard_of("a");
    let other = Connection::open(home.shard(shard)).expect("opens");
    let text: String =
        other.query_row("SELECT data FROM c WHERE id = 'a'", [], |row| row.get(0)).expect("reads");
    assert_eq!(text, "1");
    other.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)").expect("writes");
    set(&db, "c", "a", "2");
    db.flush_wait().expect("flushes");
    assert_eq!(get(&db, "c", "a"), found("2", 2, false));
    let count: i64 = other.query_row("SELECT count(*) FROM mine", [], |row| row.get(0)).expect("reads");
    assert_eq!(count, 1);
}

#[test]
fn a_long_read_of_another_program_stops_no_flush() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "1");
    db.flush_wait().expect("flushes");
    let shard = db.shard_of("a");
    let other = Connection::open(home.shard(shard)).expect("opens");
    other.execute_batch("BEGIN; SELECT * FROM c").expect("starts to read");
    for version in 2..20 {
        set(&db, "c", "a", version.to_string());
        db.flush_wait().expect("flushes");
        assert_eq!(get(&db, "c", "a"), found(version.to_string(), version, false));
    }
    let text: String = other.query_row("SELECT data FROM c", [], |row| row.get(0)).expect("reads");
    assert_eq!(text, "1", "its snapshot");
    db.close().expect("closes");
    drop(other);
    assert_eq!(value(&home.open(), "c", "a"), Some(("19".to_owned(), 19)));
}

#[cfg(unix)]
#[test]
fn a_shard_that_is_moved_away_while_it_is_open_loses_nothing() {
    let home = Home::new();
    let db = home.open();
    let ids: Vec<String> = ids_of(&db, 1).take(20).collect();
    set(&db, "c", &ids[0], "1");
    db.flush_wait().expect("flushes");
    let aside = home.path().join("aside");
    fs::rename(home.shard(1), &aside).expect("moves");
    ids.iter().for_each(|id| set(&db, "c", id, "2"));
    let error = db.flush_wait().expect_err("what is written there would be lost");
    assert_eq!((error.code(), error.shard()), (Code::Io, Some(1)), "{error}");
    assert_eq!(value(&db, "c", &ids[5]), Some(("2".to_owned(), 1)));
    fs::rename(&aside, home.shard(1)).expect("moves back");
    db.flush_wait().expect("flushes");
    db.close().expect("closes");
    let db = home.open();
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(value(&db, "c", id), Some(("2".to_owned(), if number == 0 { 2 } else { 1 })));
    }
}

#[cfg(unix)]
#[test]
fn a_database_whose_folder_is_gone_says_so() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "1");
    db.flush_wait().expect("flushes");
    fs::remove_dir_all(home.path()).expect("removes");
    set(&db, "c", "a", "2");
    assert_eq!(value(&db, "c", "a"), Some(("2".to_owned(), 2)), "the buffer is there");
    assert_eq!(db.flush_wait().expect_err("there is no file").code(), Code::Io);
    let closing = Arc::clone(&db);
    assert!(call(move || closing.close()).finish().is_err(), "nothing was kept");
    assert!(!home.path().exists(), "nothing is made again");
}

#[test]
fn numbers_of_the_old_library_are_found_after_going_back_to_it_too() {
    let home = Home::new();
    let db = home.open();
    // Both names lie in different shards, so that the row's own tells what it is.
    let is_told = |id: &&str| db.shard_of(id) != db.shard_of(&format!("{id}.0"));
    let ids: Vec<&str> =
        ["1", "2", "3", "4", "5", "6", "7", "8"].into_iter().filter(is_told).take(2).collect();
    let [known, new] = ids[..] else { panic!("there are two") };
    set(&db, "users", known, "8");
    set(&db, "users", "text", "8");
    let shards = [known, new].map(|id| db.shard_of(id));
    db.close().expect("closes");
    // As docs/migration.md says, and what the old library does then.
    fs::write(home.wal(), "").expect("writes");
    for (id, shard) in [known, new].into_iter().zip(shards) {
        let shard = Connection::open(home.shard(shard)).expect("opens");
        shard
            .execute_batch(
                "CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, data TEXT NOT NULL, _version INTEGER DEFAULT 1,
                 created_at TEXT DEFAULT CURRENT_TIMESTAMP, updated_at TEXT DEFAULT CURRENT_TIMESTAMP)",
            )
            .expect("makes");
        let row = "INSERT INTO users (id, data, updated_at) VALUES (?, '7', '9999-01-01 00:00:00')";
        shard.execute(row, [format!("{id}.0")]).expect("inserts");
    }
    let mut again = home.open();
    for _ in 0..2 {
        for id in [known, new] {
            assert_eq!(value(&again, "users", id), Some(("7".into(), 1)), "{id}");
        }
        assert_eq!(all(&again, "users", 99).len(), 3);
        again.close().expect("closes");
        again = home.open();
    }
}
