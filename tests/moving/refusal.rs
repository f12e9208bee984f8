//! A move that would lose something, or that another opener would disturb, is refused, and the data stays as it is.

use std::{fs, sync::Mutex};

use kimdb::{Code, Database};
use rusqlite::Connection;

use crate::{
    common::{Home, hold, open, try_open},
    sample::{check_filled, filled, names, open_telling, shard_names, with},
};

/// Every byte of the database's files, to see that a refusal changes none.
fn contents(home: &Home) -> Vec<(String, Vec<u8>)> {
    let names = names(home).into_iter().filter(|name| !name.ends_with("-shm") && !name.ends_with("-wal"));
    names.map(|name| (name.clone(), fs::read(home.path().join(name)).expect("reads"))).collect()
}

/// The number is refused, nothing changes, and with the number of the data all is well.
fn check_refused(home: &Home, shards: u32, words: &[&str]) {
    let before = contents(home);
    for _ in 0..2 {
        let (opened, told) = open_telling(with(home, shards));
        let error = opened.expect_err("refused");
        assert_eq!((error.code(), told), (Code::ShardCount, vec![]), "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "it says '{word}': {error}");
        }
    }
    assert!(contents(home) == before, "untouched");
    check_filled(&home.open());
}

#[test]
fn what_is_not_kimdbs_is_not_lost() {
    for (sql, words) in [
        ("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)", ["table", "'mine'"]),
        ("CREATE VIEW seen AS SELECT * FROM users", ["view", "'seen'"]),
        ("CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END", ["trigger", "'t'"]),
        ("CREATE TABLE _kimdb_later (x)", ["table", "'_kimdb_later'"]),
    ] {
        let home = filled();
        Connection::open(home.shard(2)).expect("opens").execute_batch(sql).expect("makes");
        check_refused(&home, 3, &[words[0], words[1], "app_shard2.db"]);
    }
}

#[test]
fn tables_that_differ_from_shard_to_shard_are_refused() {
    let home = filled();
    let one = Connection::open(home.shard(1)).expect("opens");
    one.execute_batch("ALTER TABLE users ADD COLUMN mine TEXT").expect("adds");
    drop(one);
    check_refused(&home, 3, &["'users'", "columns"]);
    let home = filled();
    for (shard, column) in [(0, "data"), (1, "_version")] {
        let connection = Connection::open(home.shard(shard)).expect("opens");
        connection.execute_batch(&format!("CREATE INDEX mine ON users ({column})")).expect("makes");
    }
    check_refused(&home, 3, &["'mine'", "index"]);
}

#[test]
fn a_file_in_the_way_and_a_link_are_refused() {
    let home = filled();
    fs::write(home.shard(6), "somebody's").expect("writes");
    check_refused(&home, 8, &["app_shard6.db", "in the way"]);
    assert_eq!(fs::read(home.shard(6)).expect("reads"), b"somebody's");
    #[cfg(unix)]
    {
        let home = filled();
        fs::rename(home.shard(1), home.path().join("elsewhere")).expect("moves");
        std::os::unix::fs::symlink(home.path().join("elsewhere"), home.shard(1)).expect("links");
        check_refused(&home, 8, &["app_shard1.db", "link"]);
    }
}

#[test]
fn an_index_that_the_new_shards_cannot_have_stops_the_move() {
    let home = filled();
    for shard in 0..4 {
        let connection = Connection::open(home.shard(shard)).expect("opens");
        let sql = "ALTER TABLE users ADD COLUMN mine TEXT; UPDATE users SET mine = rowid;
                   CREATE UNIQUE INDEX one_a_shard ON users (mine)";
        connection.execute_batch(sql).expect("makes");
    }
    let error = try_open(with(&home, 1)).expect_err("two rows of different shards are the same");
    assert_eq!(error.code(), Code::ShardCount);
    assert!(error.to_string().contains("'one_a_shard'"), "{error}");
    assert_eq!(names(&home), shard_names(4), "nothing is left of it");
    check_filled(&home.open());
}

#[test]
fn a_program_that_has_a_shard_open_stops_the_move() {
    let home = filled();
    let held = hold(&home.shard(3));
    assert_eq!(try_open(with(&home, 2)).expect_err("it is held").code(), Code::Busy);
    drop(held);
    let reader = Connection::open(home.shard(3)).expect("opens");
    let count: u32 = reader.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).expect("reads");
    assert!(count > 0);
    assert_eq!(try_open(with(&home, 2)).expect_err("it is open").code(), Code::Busy);
    check_filled(&home.open());
    drop(reader);
    check_filled(&open(with(&home, 2)));
}

#[test]
fn a_missing_shard_is_reported_before_anything_moves() {
    let home = filled();
    fs::rename(home.shard(2), home.path().join("aside")).expect("moves");
    let error = try_open(with(&home, 2)).expect_err("refused");
    assert_eq!((error.code(), error.shard()), (Code::Corrupt, Some(2)), "{error}");
    fs::rename(home.path().join("aside"), home.shard(2)).expect("moves back");
    check_filled(&open(with(&home, 2)));
}

#[test]
fn who_is_told_cannot_open_the_database_and_does_not_hang() {
    let home = filled();
    let refused = Mutex::new(Vec::new());
    let options = with(&home, 2);
    let opened = Database::open_telling(options.clone(), None, &mut |_| {
        refused
            .lock()
            .expect("no panic")
            .push(try_open(options.clone()).map(drop).map_err(|error| error.code()));
    });
    check_filled(&opened.expect("opens"));
    assert_eq!(refused.into_inner().expect("no panic"), [Err(Code::Busy), Err(Code::Busy)]);
    check_filled(&open(options));
}
