//! Ids with halves of surrogate pairs, as where an emoji was cut through.

use std::fs;

use kimdb::{Database, Options};
use rusqlite::{Connection, params};

use crate::{
    common::{Home, all, check_integrity, open, value},
    rows::{check_undamaged, create_table, shard_of, text, write_shards},
};

const SHARDS: u32 = 3;

fn options(home: &Home) -> Options {
    Options { shard_count: SHARDS, ..home.options() }
}

/// Stores rows as the old library does: bytes of the half, in the shard of the text with U+FFFD.
fn store(home: &Home, names: &[&str]) {
    for name in names {
        let stored =
            name.as_bytes().split(|byte| *byte == b'?').collect::<Vec<_>>().join(&b"\xED\xA0\xBD"[..]);
        let shard = home.shard(shard_of(&name.replace('?', "\u{fffd}"), SHARDS));
        let connection = Connection::open(shard).expect("opens");
        let insert =
            "INSERT INTO posts VALUES (CAST(? AS TEXT), ?, 3, '2024-05-06 07:08:09', '2024-05-06 07:09:10')";
        connection.execute(insert, params![stored, format!("\"{name}\"")]).expect("inserts");
    }
}

fn check(db: &Database, names: &[&str]) {
    for name in names {
        let id = name.replace('?', "\u{fffd}");
        assert_eq!(value(db, "posts", &id), Some((format!("\"{name}\""), 3)), "{name}");
    }
    assert_eq!(all(db, "posts", 1000).len(), names.len() + 1);
}

/// With the collection in each shard.
fn write_old(home: &Home) {
    write_shards(home, SHARDS, &[text("posts", "p1")]);
    for shard in 0..SHARDS {
        create_table(&Connection::open(home.shard(shard)).expect("opens"), "posts");
    }
}

const NAMES: [&str; 6] = ["A long title ?", "?", "한국어 ? 하늘", "??", "5?", "~?~"];

#[test]
fn they_get_the_names_by_which_they_are_asked_for() {
    let home = Home::new();
    write_old(&home);
    store(&home, &NAMES);
    check_undamaged(&home);
    for _ in 0..2 {
        let db = open(options(&home));
        check(&db, &NAMES);
        db.close().expect("closes");
    }
    check_integrity(&home);
    // What the old library writes when somebody goes back to it for a time.
    fs::remove_file(home.wal()).expect("removes");
    store(&home, &["later ?"]);
    check_undamaged(&home);
    let names: Vec<_> = NAMES.into_iter().chain(["later ?"]).collect();
    // In the folder, or in another one to which it was brought meanwhile.
    let elsewhere = home.crash_image();
    for home in [home, elsewhere] {
        check(&open(options(&home)), &names);
    }
}

#[test]
fn writes_of_the_old_log_with_such_ids_are_recovered() {
    let home = Home::new();
    write_old(&home);
    let lines = [r"was \ud83d", r"\ude00\ud83d \ud83d\ude00 é\n", r"\\ud83d"].map(|id| {
        format!(r#"{{"collection":"posts","id":"{id}","data":"\ud83d","operation":"upsert","timestamp":1}}"#)
            + "\n"
    });
    fs::write(home.wal(), lines.concat()).expect("writes");
    let db = open(options(&home));
    assert_eq!((db.recovered(), db.stats().damaged_bytes), (3, 0));
    for id in ["was \u{fffd}", "\u{fffd}\u{fffd} 😀 é\n", "\\ud83d"] {
        assert_eq!(value(&db, "posts", id), Some((r#""\ud83d""#.to_owned(), 1)), "{id}");
    }
}
