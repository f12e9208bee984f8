//! Shard files that somebody crafted. What is in them may be wrong, but none makes an opening hang or panic, and none
//! brings SQLite to run or read what kimdb did not ask for.

mod common;

use std::fs;

use common::{Home, all, refused, set, try_open, value};
use kimdb::{Code, Options};
use rusqlite::Connection;

/// A closed database of one shard with a document in `users`, changed by `sql`.
fn crafted(sql: &str) -> Home {
    let home = Home::new();
    let db = common::open(options(&home));
    set(&db, "users", "a", "1");
    db.close().expect("closes");
    let connection = Connection::open(home.shard(0)).expect("opens");
    connection.execute_batch(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    home
}

fn options(home: &Home) -> Options {
    Options { shard_count: 1, ..home.options() }
}

/// A view that never ends.
fn endless(name: &str, columns: &str) -> String {
    format!(
        "CREATE VIEW {name}({columns}) AS WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT 2 FROM n) SELECT "
    ) + &vec!["1"; columns.split(',').count()].join(",")
        + " FROM n WHERE 0;"
}

const DOCUMENT: &str = "id, data, _version, created_at, updated_at";

#[test]
fn a_view_or_a_virtual_table_in_place_of_a_table_of_ours_is_refused() {
    let own = [
        ("_kimdb_meta", "key, value"),
        ("_kimdb_log", "log, applied"),
        ("_kimdb_collection", "name, \"table\""),
    ];
    for (name, columns) in own {
        let view = endless(name, columns);
        let copy = format!("ALTER TABLE {name} RENAME TO real; CREATE VIEW {name} AS SELECT * FROM real;");
        let virtual_table = format!("CREATE VIRTUAL TABLE {name} USING fts5({columns});");
        for sql in [format!("DROP TABLE {name}; {view}"), copy, format!("DROP TABLE {name}; {virtual_table}")]
        {
            assert_eq!(refused(options(&crafted(&sql))), Code::Corrupt, "{sql}");
        }
    }
}

#[test]
fn a_collection_on_record_with_something_else_than_a_table_of_documents_is_refused() {
    let made = [
        endless("bait", DOCUMENT),
        format!("CREATE VIEW bait AS SELECT {DOCUMENT} FROM users;"),
        format!("CREATE VIRTUAL TABLE bait USING fts5({DOCUMENT});"),
        "CREATE TABLE bait (id TEXT PRIMARY KEY, other TEXT);".to_owned(),
        "CREATE TABLE bait (id TEXT PRIMARY KEY, data TEXT AS ('x'), _version INTEGER, created_at, updated_at);".to_owned(),
        "CREATE INDEX bait ON users (data);".to_owned(),
    ];
    for sql in made {
        let record = "UPDATE _kimdb_collection SET \"table\" = 'BAIT' WHERE name = 'users';";
        assert_eq!(refused(options(&crafted(&format!("{sql} {record}")))), Code::Corrupt, "{sql}");
    }
    for table in ["_kimdb_meta", "_kimdb_log", "_kimdb_collection", "sqlite_schema", "sqlite_sequence"] {
        let sql = format!("UPDATE _kimdb_collection SET \"table\" = '{table}' WHERE name = 'users';");
        assert_eq!(refused(options(&crafted(&sql))), Code::Corrupt, "{table}");
    }
}

#[test]
fn an_entry_of_ours_that_makes_no_sense_is_refused() {
    for sql in [
        "UPDATE _kimdb_meta SET value = 'text' WHERE key = 'database'",
        "UPDATE _kimdb_meta SET value = x'00' WHERE key = 'database'",
        "UPDATE _kimdb_meta SET value = -1 WHERE key = 'shard'",
        "UPDATE _kimdb_meta SET value = 'text' WHERE key = 'shards'",
        "DELETE FROM _kimdb_meta WHERE key = 'shards'",
        "UPDATE _kimdb_collection SET name = x'ff00'",
        "UPDATE _kimdb_log SET applied = 'text'",
        "ALTER TABLE _kimdb_log RENAME COLUMN applied TO other",
        "ALTER TABLE _kimdb_meta RENAME COLUMN value TO other",
        "ALTER TABLE _kimdb_collection RENAME COLUMN name TO other",
    ] {
        assert_eq!(refused(options(&crafted(sql))), Code::Corrupt, "{sql}");
    }
}

#[test]
fn a_place_of_the_log_that_makes_no_sense_does_not_make_the_log_unreadable() {
    for applied in [(1_i64 << 62) - 1, (1 << 62) - (1 << 20), 1 << 61] {
        let home = crafted(&format!("UPDATE _kimdb_log SET applied = {applied}"));
        let db = common::open(options(&home));
        set(&db, "users", "b", "2");
        // As a kill would leave it.
        let (_image, db) = {
            let image = home.crash_image();
            let opened = common::open(options(&image));
            (image, opened)
        };
        assert_eq!(value(&db, "users", "b"), Some(("2".to_owned(), 1)), "{applied}");
    }
}

#[test]
fn a_version_that_makes_no_sense_stays_what_it_is() {
    for version in [-5, i64::MAX, i64::MIN, (1 << 62) + 3] {
        let home = crafted(&format!("UPDATE users SET _version = {version}"));
        let db = common::open(options(&home));
        let first = value(&db, "users", "a").expect("is there").1;
        set(&db, "users", "a", "2");
        let versions = [0; 3].map(|_| value(&db, "users", "a").expect("is there").1);
        assert_eq!(versions, [first + 1; 3], "{version}");
        db.flush_wait().expect("flushes");
    }
}

#[test]
fn a_view_that_is_named_like_a_collection_is_never_read_for_it() {
    for view in [endless("guests", DOCUMENT), format!("CREATE VIEW guests AS SELECT {DOCUMENT} FROM users;")]
    {
        let home = crafted(&view);
        let db = common::open(options(&home));
        assert_eq!(value(&db, "guests", "a"), None);
        set(&db, "guests", "b", "2");
        assert_eq!(all(&db, "guests", 9), [("b".to_owned(), "2".to_owned(), 1)]);
        assert_eq!(all(&db, "users", 9), [("a".to_owned(), "1".to_owned(), 1)]);
    }
}

#[test]
fn a_trigger_reaches_nothing_outside_its_file() {
    // A function of SQLite that tells about the process: what a file holds is not trusted with it.
    let home = crafted(
        "CREATE TABLE loot (x);
         CREATE TRIGGER thief AFTER INSERT ON users BEGIN
            INSERT INTO loot SELECT file FROM pragma_database_list;
         END;",
    );
    let db = common::open(options(&home));
    set(&db, "users", "b", "2");
    let error = db.flush_wait().expect_err("the trigger is not run");
    assert_eq!((error.code(), error.shard()), (Code::Corrupt, Some(0)), "{error}");
    assert_eq!(db.shard_query(0, "SELECT * FROM loot", &[]).expect("reads").rows.len(), 0);
    assert_eq!(value(&db, "users", "b"), Some(("2".to_owned(), 1)), "nothing is given up");
    let outside = format!(
        "CREATE TRIGGER t AFTER INSERT ON users BEGIN ATTACH '{}/x' AS x; END",
        home.path().display()
    );
    let connection = Connection::open(home.shard(0)).expect("opens");
    assert!(connection.execute_batch(&outside).is_err(), "SQLite itself knows no such trigger");
}

#[test]
fn another_encoding_of_text_is_refused() {
    let home = Home::new();
    let connection = Connection::open(home.shard(0)).expect("opens");
    connection.execute_batch("PRAGMA encoding = 'UTF-16'; CREATE TABLE t (x)").expect("makes");
    drop(connection);
    assert_eq!(refused(options(&home)), Code::Corrupt);
}

#[test]
fn any_size_of_pages_works() {
    for size in [512, 1024, 65536] {
        let home = Home::new();
        let connection = Connection::open(home.shard(0)).expect("opens");
        let sql = format!("PRAGMA page_size = {size}; PRAGMA auto_vacuum = FULL; CREATE TABLE t (x)");
        connection.execute_batch(&sql).expect("makes");
        drop(connection);
        let db = common::open(options(&home));
        let text = format!("\"{}\"", "x".repeat(200_000));
        set(&db, "users", "a", &text);
        db.close().expect("closes");
        assert_eq!(value(&common::open(options(&home)), "users", "a"), Some((text, 1)));
    }
}

#[test]
fn rows_of_any_types_are_read_or_refused_and_leave_the_others_alone() {
    for (column, values) in [
        ("data", ["x'ff00ff'", "17", "1e300", "''", "zeroblob(100000)"]),
        ("_version", ["'text'", "-5", "1.5", "x'01'", "9223372036854775807"]),
        ("_version", ["NULL", "'7'", "'7x'", "1e300", "-1e300"]),
        ("updated_at", ["NULL", "17", "x'ff'", "''", "'9999'"]),
        ("created_at", ["NULL", "17", "x'ff'", "''", "'9999'"]),
    ] {
        for odd in values {
            let home = crafted(&format!(
                "INSERT INTO users VALUES ('b', '2', 1, '', ''); UPDATE users SET {column} = {odd} WHERE id = 'a'"
            ));
            let db = common::open(options(&home));
            let mut text = Vec::new();
            let users = db.collection("users");
            let found = db.get(&users, "a", &mut text);
            if column != "data" {
                let version = found.expect("reads").expect("is there").version;
                let documents = all(&db, "users", 9);
                assert!(
                    documents.contains(&("a".to_owned(), "1".to_owned(), version)),
                    "{column} = {odd}: the same as of a read alone: {documents:?}"
                );
            }
            let (tell, told) = flume::bounded(1);
            db.newest("users", 9, move |result| drop(tell.send(result))).expect("asks");
            if let Err(error) = told.recv_timeout(common::PATIENCE).expect("an answer") {
                assert_eq!((error.code(), column), (Code::Corrupt, "data"), "{odd}: {error}");
            }
            assert_eq!(value(&db, "users", "b"), Some(("2".to_owned(), 1)), "{column} = {odd}");
            set(&db, "users", "a", "3");
            db.flush_wait().unwrap_or_else(|error| panic!("{column} = {odd}: {error}"));
            text.clear();
            db.get(&users, "a", &mut text).expect("reads").expect("is there");
            assert_eq!(text, b"3", "{column} = {odd}");
        }
    }
}

#[test]
fn a_list_shows_that_one_of_its_documents_is_not_one_json_value() {
    for data in ["'1,2'", "''", "'[1'", "'1]'", "'1,2,\"x\",3'", "' '"] {
        let home = crafted(&format!(
            "INSERT INTO users VALUES ('b', '2', 1, '', ''); UPDATE users SET data = {data} WHERE id = 'a'"
        ));
        let db = common::open(options(&home));
        let (tell, told) = flume::bounded(1);
        db.newest("users", 9, move |result| drop(tell.send(result))).expect("asks");
        let mut texts = told.recv_timeout(common::PATIENCE).expect("an answer").expect("reads");
        let text = texts.next().expect("a text").expect("made");
        assert!(texts.next().is_none());
        let parsed = serde_json::from_str::<Vec<serde_json::Value>>(&text);
        let is_whole = parsed.is_ok_and(|flat| flat.last() == Some(&2.into()) && flat.len() == 2 * 3 + 1);
        assert!(!is_whole, "{data}: {text}");
    }
}

#[test]
fn a_file_cut_or_scrambled_anywhere_is_read_or_refused() {
    let home = crafted("");
    let whole = fs::read(home.shard(0)).expect("reads");
    let mut random = common::random::Random::new(7);
    let mut opened = 0;
    for _ in 0..150 {
        let mut bytes = whole.clone();
        match random.below(3) {
            0 => bytes.truncate(random.below(whole.len() as u64) as usize),
            _ => {
                for _ in 0..=random.below(20) {
                    // The first page, which is the most telling one, gets half of it.
                    let end = if random.one_in(2) { 4096.min(whole.len()) } else { whole.len() };
                    bytes[random.below(end as u64) as usize] = random.next() as u8;
                }
            }
        }
        fs::write(home.shard(0), &bytes).expect("writes");
        for side in ["-wal", "-shm"] {
            let _ = fs::remove_file(home.path().join(format!("app_shard0.db{side}")));
        }
        match try_open(options(&home)) {
            Ok(db) => {
                opened += 1;
                let _ = db.get(&db.collection("users"), "a", &mut Vec::new());
                let _ = db.set(&db.collection("users"), "b", b"2");
                let _ = db.close();
            }
            Err(error) => assert!(!matches!(error.code(), Code::Internal), "{error}"),
        }
        // A log that could not be emptied is not this test's.
        let _ = fs::remove_file(home.wal());
    }
    assert!(opened > 0, "some damage is harmless, or the test damages more than it should");
}
