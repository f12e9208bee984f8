//! Tables, indexes and triggers that somebody has made in a shard file: they do their work, and what one of them refuses waits.

mod common;

use common::{Home, open, set, until, value};
use kimdb::{Code, Options};
use rusqlite::Connection;

/// A database of one shard with a collection `users`, extended by `sql` while it is closed.
fn extended(sql: &str) -> (Home, Options) {
    let home = Home::new();
    let options = Options { shard_count: 1, ..home.options() };
    let db = open(options.clone());
    set(&db, "users", "first", r#"{"email":"a@b.c","n":4,"tags":["x"]}"#);
    db.close().expect("closes");
    Connection::open(home.shard(0)).and_then(|shard| shard.execute_batch(sql)).expect("is made");
    (home, options)
}

#[test]
fn triggers_and_indexes_use_what_the_old_library_gave_them() {
    for sql in [
        "CREATE VIRTUAL TABLE made USING fts5 (text);
         CREATE TRIGGER t AFTER INSERT ON users BEGIN INSERT INTO made VALUES (new.data ->> 'email'); END",
        "CREATE VIRTUAL TABLE made USING rtree (id, low, high);
         CREATE TRIGGER t AFTER INSERT ON users BEGIN INSERT INTO made VALUES (1, 1, 2); END",
        "CREATE TABLE made (tag);
         CREATE TRIGGER t AFTER INSERT ON users BEGIN
             INSERT INTO made SELECT value FROM json_each(new.data, '$.tags');
         END",
        "CREATE TABLE made (root);
         CREATE INDEX roots ON users (sqrt(data ->> 'n'));
         CREATE INDEX sounds ON users (soundex(data ->> 'email'));
         CREATE TRIGGER t AFTER INSERT ON users BEGIN INSERT INTO made VALUES (pow(new.data ->> 'n', 2)); END",
    ] {
        let (home, options) = extended(sql);
        let db = open(options);
        set(&db, "users", "second", r#"{"email":"d@e.f","n":9,"tags":["y"]}"#);
        db.flush_wait().unwrap_or_else(|error| panic!("{sql}: {error}"));
        db.close().expect("closes");
        let shard = Connection::open(home.shard(0)).expect("opens");
        let made: u32 = shard.query_row("SELECT count(*) FROM made", [], |row| row.get(0)).expect("counts");
        assert_eq!(made, 1, "{sql}");
    }
}

#[test]
fn what_an_index_or_a_trigger_refuses_waits_until_that_is_dropped() {
    for (sql, named, code) in [
        ("CREATE UNIQUE INDEX one_each ON users (data ->> 'email')", "INDEX one_each", Code::Io),
        (
            "CREATE TRIGGER refuses BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'no refuses'); END",
            "TRIGGER refuses",
            Code::Io,
        ),
        (
            "CREATE TABLE gone (x);
             CREATE TRIGGER t AFTER INSERT ON users BEGIN INSERT INTO gone VALUES (1); END;
             PRAGMA legacy_alter_table = ON;
             DROP TABLE gone",
            "TRIGGER t",
            Code::Corrupt,
        ),
    ] {
        let (home, options) = extended(sql);
        let db = open(options);
        set(&db, "users", "second", r#"{"email":"a@b.c"}"#);
        let error = db.flush_wait().expect_err("is refused");
        assert_eq!((error.code(), error.path()), (code, Some(home.shard(0).as_path())), "{error}");
        assert!(error.to_string().contains("drop"), "{error}");
        assert!(value(&db, "users", "second").is_some(), "it waits in the log");
        let other = Connection::open(home.shard(0)).expect("opens");
        other.busy_timeout(common::PATIENCE).expect("waits");
        other.execute_batch(&format!("DROP {named}")).expect("drops");
        until("flushes go on", || db.flush_wait().is_ok());
        db.close().expect("closes");
    }
}
