//! Any two different names are two collections, whatever SQLite thinks of them, for ever.

mod common;

use std::collections::HashSet;

use common::{Home, all, check_integrity, delete, found, get, refused, set, value};
use kimdb::Database;
use rusqlite::Connection;

fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "a-b",
        "ab",
        "AB",
        "Ab",
        "a_b",
        "a b",
        "a.b",
        "사용자",
        "사 용자",
        "用户",
        "order",
        "Order",
        "select",
        "table",
        "1st",
        "1",
        "x\"; DROP TABLE ab; --",
        "x'y",
        "x\\y",
        "%s",
        "sqlite_x",
        "SQLITE_x",
        "sqlite_sequence",
        "sqlite_schema",
        "_kimdb_meta",
        "_kimdb_log",
        "_kimdb_collection",
        "_KIMDB_meta",
        "_version",
        "id",
        "-",
        "--",
        " ",
        "\t",
        "\n",
        "a\0b",
        "\0",
        "ab\0",
        "é",
        "e\u{301}",
        "🦀",
        "c_",
        "[x]",
        "`x`",
        "main.ab",
        "temp",
        "rowid",
    ]
    .map(str::to_owned)
    .to_vec();
    // Names that the tables of others are given.
    for name in ["a-b", "sqlite_x", "사용자"] {
        use md5::{Digest, Md5};
        let digest: String = Md5::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        names.extend([format!("c_{digest}"), format!("ab_{}", &digest[..8]), format!("ab_{digest}")]);
    }
    // Long ones that only differ at their ends.
    names.extend(["1", "2", "é"].map(|end| "x".repeat(300) + end));
    names.extend(["1", "2"].map(|end| "나".repeat(100) + end));
    names
}

fn check(db: &Database, names: &[String], version: u64) {
    for (number, name) in names.iter().enumerate() {
        assert_eq!(value(db, name, "same"), Some((number.to_string(), version)), "{name:?}");
        let own = format!("own{number}");
        assert_eq!(all(db, name, 10).len(), 2, "{name:?}");
        assert!(value(db, name, &own).is_some(), "{name:?}");
    }
}

fn write(db: &Database, names: &[String]) {
    for (number, name) in names.iter().enumerate() {
        set(db, name, "same", number.to_string());
        set(db, name, &format!("own{number}"), "{}");
    }
}

#[test]
fn different_names_never_share_data() {
    let names = names();
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "they are different");
    let home = Home::new();
    let db = home.open();
    write(&db, &names);
    let image = home.crash_image();
    check(&db, &names, 1);
    assert_eq!(db.collections().len(), names.len());
    db.close().expect("closes");
    check_integrity(&home);
    let db = home.open();
    check(&db, &names, 1);
    // In another order, of which nothing may depend.
    for name in names.iter().rev() {
        assert_eq!(value(&db, name, "other"), None);
    }
    write(&db, &names);
    check(&db, &names, 2);
    db.close().expect("closes");
    // Recovery has only the names in the log to go by.
    let db = image.open();
    assert_eq!(db.recovered(), 2 * names.len() as u64);
    check(&db, &names, 1);
}

#[test]
fn a_delete_touches_its_own_collection_only() {
    let names = names();
    let home = Home::new();
    let db = home.open();
    write(&db, &names);
    db.flush_wait().expect("flushes");
    for name in names.iter().step_by(2) {
        delete(&db, name, "same");
    }
    for _ in 0..2 {
        for (number, name) in names.iter().enumerate() {
            assert_eq!(get(&db, name, "same").is_some(), number % 2 == 1, "{name:?}");
        }
        db.flush_wait().expect("flushes");
    }
}

#[test]
fn collections_made_in_different_runs_keep_their_tables() {
    let home = Home::new();
    for (run, name) in ["ab", "a-b", "AB", "a.b", "ab-", "Ab"].iter().enumerate() {
        let db = home.open_with(|options| options.shard_count = 2);
        // One shard at a time learns of it, so the shards know different collections.
        set(&db, name, &format!("id{run}"), run.to_string());
        let image = home.crash_image();
        drop(db);
        let db = image.open_with(|options| options.shard_count = 2);
        assert_eq!(value(&db, name, &format!("id{run}")), Some((run.to_string(), 1)));
    }
    let db = home.open_with(|options| options.shard_count = 2);
    for (run, name) in ["ab", "a-b", "AB", "a.b", "ab-", "Ab"].iter().enumerate() {
        let ids: Vec<String> = all(&db, name, 99).into_iter().map(|(id, ..)| id).collect();
        assert_eq!(ids, [format!("id{run}")], "{name}");
    }
}

#[test]
fn names_that_the_user_has_taken_in_a_shard_file_are_left_alone() {
    let home = Home::new();
    home.open().close().expect("closes");
    for shard in 0..4 {
        let connection = Connection::open(home.shard(shard)).expect("opens");
        let sql = "CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine');
                   CREATE VIEW views AS SELECT 1 AS id; CREATE TABLE t (x); CREATE INDEX indexed ON t (x);";
        connection.execute_batch(sql).expect("creates");
    }
    let db = home.open();
    for name in ["notes", "Notes", "views", "indexed", "t"] {
        assert_eq!(get(&db, name, "a"), None, "{name}");
        set(&db, name, "a", format!("\"{name}\""));
        db.flush_wait().expect("flushes");
        assert_eq!(get(&db, name, "a"), found(format!("\"{name}\""), 1, false));
    }
    db.close().expect("closes");
    let connection = Connection::open(home.shard(1)).expect("opens");
    let text: String =
        connection.query_row("SELECT text FROM notes", [], |row| row.get(0)).expect("is there");
    assert_eq!(text, "mine");
}

#[test]
fn shards_that_contradict_each_other_are_reported() {
    let home = Home::new();
    let db = home.open();
    for i in 0..20 {
        set(&db, "users", &format!("id{i}"), "1");
    }
    db.close().expect("closes");
    let connection = Connection::open(home.shard(2)).expect("opens");
    connection
        .execute_batch(
            "ALTER TABLE users RENAME TO other; UPDATE _kimdb_collection SET \"table\" = 'other' WHERE name = 'users'",
        )
        .expect("changes");
    drop(connection);
    assert_eq!(refused(home.options()), kimdb::Code::Corrupt);
}

/// Every name that the SQLite in use gives a meaning of its own.
fn names_of_sqlites_own() -> Vec<String> {
    let connection = Connection::open_in_memory().expect("opens");
    let mut names: Vec<String> =
        ["excluded", "new", "old", "main", "temp", "rowid", "_rowid_", "oid", "json_each", "json_tree"]
            .map(Into::into)
            .into();
    for list in ["module", "function", "pragma", "collation"] {
        let mut statement =
            connection.prepare(&format!("SELECT DISTINCT name FROM pragma_{list}_list")).expect("prepares");
        let found =
            statement.query_map([], |row| row.get(0)).expect("asks").collect::<Result<Vec<String>, _>>();
        let found = found.expect("texts");
        names.extend(found.iter().map(|name| format!("pragma_{name}")));
        names.extend(found);
    }
    names.sort();
    names.dedup_by_key(|name| name.to_ascii_lowercase());
    names
}

#[test]
fn a_name_that_means_something_to_sqlite_is_a_name_like_any_other() {
    let names = names_of_sqlites_own();
    assert!(names.len() > 200, "{names:?}");
    let home = Home::new();
    // One document, so that most shards have no table of that name.
    let db = home.open();
    for round in 1..=2 {
        for name in &names {
            set(&db, name, "a", format!("\"{round} of {name}\""));
            set(&db, name, &format!("gone {round}"), "1");
        }
        db.flush_wait().expect("flushes");
        for name in &names {
            delete(&db, name, &format!("gone {round}"));
        }
    }
    db.close().expect("closes");
    let db = home.open();
    for name in &names {
        for id in ["b", "c", "d", "e", "f"] {
            assert_eq!(value(&db, name, id), None, "{name}");
        }
        assert_eq!(all(&db, name, 9), [("a".to_owned(), format!("\"2 of {name}\""), 2)], "{name}");
    }
    db.close().expect("closes");
    check_integrity(&home);
}
