//! Going through whole collections: every document once, in pages of the size asked for, as lines that are JSON.

mod common;

use std::collections::HashMap;

use common::{Home, set};
use kimdb::{Code, Database};
use rusqlite::Connection;

/// The pages of a collection.
fn pages(db: &Database, name: &str, bytes: usize) -> Vec<String> {
    let mut pages = db.pages(name);
    std::iter::from_fn(|| pages.next(db, bytes).expect("reads"))
        .map(|page| String::from_utf8(page).expect("UTF-8"))
        .collect()
}

fn lines(pages: &[String]) -> Vec<serde_json::Value> {
    pages.concat().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn every_document_is_met_once_whatever_the_size_of_a_page() {
    let home = Home::new();
    let db = home.open();
    for i in 0..300 {
        set(&db, "글 \"목록\"", &format!("아이디 \"{i}\"\n"), format!("{{\"n\":{i}}}"));
    }
    set(&db, "others", "id0", "null");
    db.flush_wait().expect("flushes");
    for (bytes, least, most) in [(1, 300, 300), (1000, 20, 60), (1 << 20, 1, 1)] {
        let pages = pages(&db, "글 \"목록\"", bytes);
        assert!((least..=most).contains(&pages.len()), "{} pages of {bytes} bytes", pages.len());
        let found: HashMap<String, u64> = lines(&pages)
            .into_iter()
            .map(|line| {
                assert_eq!((&line["collection"], &line["_version"]), (&"글 \"목록\"".into(), &1.into()));
                assert_eq!(line["created_at"].as_str().map(str::len), Some(19));
                assert_eq!(line["created_at"], line["updated_at"]);
                (
                    line["id"].as_str().expect("an id").to_owned(),
                    line["data"]["n"].as_u64().expect("a number"),
                )
            })
            .collect();
        assert_eq!(found.len(), 300);
        assert!(found.iter().all(|(id, n)| *id == format!("아이디 \"{n}\"\n")));
    }
    assert_eq!(pages(&db, "none", 1), Vec::<String>::new());
    assert_eq!(db.collections(), ["others", "글 \"목록\""]);
    let count = |name: &str| db.count(&db.collection(name)).expect("counts");
    assert_eq!((count("글 \"목록\""), count("others"), count("none")), (300, 1, 0));
    db.close().expect("closes");
    assert_eq!(db.pages("others").next(&db, 1).expect_err("refuses").code(), Code::Closed);
}

#[test]
fn a_document_of_another_program_is_one_line_too_and_one_that_is_no_json_is_named() {
    let home = Home::new();
    let db = home.open();
    set(&db, "users", "u1", "1");
    let shard = db.shard_of("u1");
    db.close().expect("closes");
    let store = |data: &str| {
        let shard = Connection::open(home.shard(shard)).expect("opens");
        shard.execute("UPDATE users SET data = ?, created_at = NULL", [data]).expect("writes");
    };
    store("{\n  \"n\": 1,\r\n  \"text\": \"a\\nb\"\n}");
    let db = home.open();
    let found = pages(&db, "users", 1);
    assert_eq!(found[0].lines().count(), 1);
    assert_eq!(lines(&found)[0]["data"], serde_json::json!({ "n": 1, "text": "a\nb" }));
    assert!(lines(&found)[0]["created_at"].is_null());
    db.close().expect("closes");
    store("{n: 1}");
    let db = home.open();
    let error = db.pages("users").next(&db, 1).expect_err("refuses");
    assert_eq!(
        (error.code(), error.shard(), error.collection()),
        (Code::Corrupt, Some(shard), Some("users"))
    );
    assert!(error.to_string().contains("'u1'"), "{error}");
}

#[test]
fn collections_of_the_old_library_are_named_by_their_tables() {
    let home = Home::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/__test__/fixtures");
    for shard in [0, 1] {
        std::fs::copy(format!("{folder}/old_shard{shard}.db"), home.shard(shard)).expect("copies");
    }
    let db = home.open_with(|options| options.shard_count = 2);
    let names = db.collections();
    assert!(!names.is_empty());
    for name in names {
        let count = db.count(&db.collection(&name)).expect("counts");
        assert!(count > 0, "{name}");
        assert_eq!(lines(&pages(&db, &name, 1 << 20)).len() as u64, count);
    }
}

#[test]
fn tables_whose_rows_have_no_number_are_gone_through_as_well() {
    let columns = "(id TEXT PRIMARY KEY, data TEXT NOT NULL, _version INTEGER DEFAULT 1, created_at TEXT, updated_at TEXT";
    for end in [") WITHOUT ROWID", ", rowid INTEGER)", ", rowid INTEGER, oid TEXT, _rowid_ TEXT)"] {
        let home = Home::new();
        home.open_with(|options| options.shard_count = 1).close().expect("closes");
        let shard = Connection::open(home.shard(0)).expect("opens");
        shard.execute_batch(&format!("CREATE TABLE users {columns}{end}")).expect("makes");
        for i in 0..50 {
            shard.execute("INSERT INTO users (id, data) VALUES ('u' || ?1, ?1)", [i]).expect("inserts");
        }
        if end.contains("rowid") {
            shard.execute("UPDATE users SET rowid = 7 WHERE data < 20", []).expect("writes");
        }
        drop(shard);
        let db = home.open();
        for bytes in [1, 500, 1 << 20] {
            let found: HashMap<_, _> = lines(&pages(&db, "users", bytes))
                .into_iter()
                .map(|line| (line["id"].to_string(), line["data"].to_string()))
                .collect();
            assert_eq!(found.len(), 50, "{end}, pages of {bytes} bytes");
        }
    }
}

#[test]
fn versions_and_times_of_other_programs_are_taken_as_they_are_read_elsewhere() {
    let home = Home::new();
    let db = home.open();
    set(&db, "users", "u1", "1");
    let shard = db.shard_of("u1");
    db.close().expect("closes");
    let shard = Connection::open(home.shard(shard)).expect("opens");
    let odd = "UPDATE users SET _version = 'x', created_at = x'32303234', updated_at = x'ff'";
    shard.execute(odd, []).expect("writes");
    drop(shard);
    let db = home.open();
    let line = &lines(&pages(&db, "users", 1))[0];
    assert_eq!((&line["data"], &line["_version"]), (&1.into(), &0.into()));
    assert_eq!((&line["created_at"], &line["updated_at"]), (&"2024".into(), &"\u{fffd}".into()));
}
