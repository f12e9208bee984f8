//! Documents in tables that another program has made.

use std::ops::ControlFlow;

use super::{LOG, Setup, open_set};
use crate::engine::{
    error::Code,
    shard::{Row, RowPlace},
};

/// A shard in which another program has run these statements.
fn setup_with(statements: &str) -> Setup {
    let setup = Setup::new();
    rusqlite::Connection::open(setup.file()).expect("opens").execute_batch(statements).expect("runs");
    setup
}

fn newest(setup: &Setup, limit: u64) -> Vec<String> {
    let scanned = setup.newest("c", limit, &[]).expect("reads");
    scanned.iter().map(|scanned| scanned.id().to_owned()).collect()
}

/// The ids of all rows, each of which is a page of its own.
fn walked(setup: &Setup) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let (from, before) = (after.clone(), ids.len());
        let mut visit = |row: Row<'_>| {
            ids.push(row.id.to_owned());
            after = Some(row.number.map_or_else(|| RowPlace::Id(row.id.to_owned()), RowPlace::Number));
            Ok(ControlFlow::Break(()))
        };
        setup.store.walk("c", from.as_ref(), &mut visit).expect("walks");
        if ids.len() == before {
            return ids;
        }
    }
}

#[test]
fn a_column_may_be_called_as_the_places_of_rows() {
    for column in ["rowid INT PRIMARY KEY", "RowId TEXT PRIMARY KEY", "rowid INTEGER PRIMARY KEY", "rowid"] {
        let setup = setup_with(&format!(
            "CREATE TABLE c ({column}, id TEXT UNIQUE, data TEXT, _version INTEGER, created_at TEXT, updated_at TEXT);
             INSERT INTO c (rowid, id, data, updated_at) VALUES (1, 'a', '1', '2020-01'), (NULL, 'b', '2', '2020-02'),
                (30, 'c', '3', '2020-03'), (NULL, 'd', '4', '2020-04'), (500, 'e', '5', '2020-05')"
        ));
        let all = ["e", "d", "c", "b", "a"];
        for limit in 0..=6 {
            assert_eq!(newest(&setup, limit as u64), all[..limit.min(5)], "{limit} of '{column}'");
        }
        let mut walked = walked(&setup);
        walked.sort_unstable();
        assert_eq!(walked, ["a", "b", "c", "d", "e"], "{column}");
    }
}

#[test]
fn a_document_that_is_null_is_no_text_and_harms_no_other() {
    let setup = setup_with(
        "CREATE TABLE c (id TEXT PRIMARY KEY, data TEXT, _version INTEGER, created_at TEXT, updated_at TEXT);
         INSERT INTO c (id, data, updated_at) VALUES ('old', NULL, '2019'), ('new', '1', '2025')",
    );
    assert_eq!(newest(&setup, 1), ["new"]);
    let all = setup.newest("c", 2, &[]).expect("reads");
    assert_eq!(all.iter().map(|scanned| scanned.value()).collect::<Vec<_>>(), ["1", ""]);
    assert_eq!(walked(&setup), ["old", "new"]);
}

#[test]
fn an_id_that_is_no_text_fails_the_lists_that_it_would_be_in() {
    let setup = setup_with(
        "CREATE TABLE c (id TEXT PRIMARY KEY, data TEXT, _version INTEGER, created_at TEXT, updated_at TEXT);
         INSERT INTO c (id, data, updated_at) VALUES (x'00', '1', '2019'), ('a', '1', '2020'), ('b', '1', '2021'), (NULL, '1', '2018')",
    );
    for end in 1..=3 {
        assert_eq!(newest(&setup, 1), ["b"]);
        assert_eq!(newest(&setup, 2), ["b", "a"]);
        for limit in [3, 4, u64::MAX] {
            assert_eq!(setup.newest("c", limit, &[]).expect_err("a blob").code(), Code::Corrupt);
        }
        setup.apply(end, "c", &[("b", "1", 1)], &[]).expect("applies");
    }
}

#[test]
fn some_are_the_first_of_all_whatever_the_order_of_ids() {
    for places in ["", "WITHOUT ROWID"] {
        let setup = setup_with(&format!(
            "CREATE TABLE c (id TEXT PRIMARY KEY COLLATE NOCASE, data TEXT, _version INTEGER, created_at TEXT,
                updated_at TEXT) {places};
             INSERT INTO c (id, data, updated_at) VALUES ('a', '1', '2020'), ('B', '2', '2020'), ('c', '3', '2020'),
                ('D', '4', '2020'), ('e', '5', '2020')"
        ));
        for limit in 0..=5 {
            assert_eq!(newest(&setup, limit as u64), ["e", "c", "a", "D", "B"][..limit], "{limit} {places}");
        }
    }
}

#[test]
fn documents_go_to_no_table_that_would_refuse_them() {
    let rest = "data, _version, created_at, updated_at";
    let mut tables: Vec<String> = Vec::new();
    for lacking in ["id TEXT PRIMARY KEY", "data", "_version", "created_at", "updated_at"] {
        let columns = ["id TEXT PRIMARY KEY", "data", "_version", "created_at", "updated_at", "more"];
        tables.push(columns.into_iter().filter(|column| *column != lacking).collect::<Vec<_>>().join(", "));
    }
    for columns in [
        "id, {}",
        "id, {}, PRIMARY KEY (id, data)",
        "id, {}, UNIQUE (id, data)",
        "id TEXT PRIMARY KEY, {}, more NOT NULL",
        "number INTEGER PRIMARY KEY, id, {}",
        "number INT PRIMARY KEY NOT NULL, id UNIQUE, {}",
        "id INTEGER PRIMARY KEY, {}",
        "id TEXT PRIMARY KEY, {}, more NOT NULL DEFAULT NULL",
    ] {
        tables.push(columns.replace("{}", rest));
    }
    tables.push(format!("id, {rest}); CREATE UNIQUE INDEX some ON c (id) WHERE (id > 'k'"));
    for columns in tables {
        let setup = setup_with(&format!("CREATE TABLE c ({columns})"));
        setup.apply(1, "c", &[("a", "1", 1)], &[]).expect("applies");
        assert_ne!(setup.table_of(&setup.collections.get("c")), "c", "{columns}");
    }
}

#[test]
fn a_table_on_record_that_would_refuse_documents_is_told_at_the_opening() {
    let setup = Setup::new();
    setup.apply(1, "c", &[("a", "1", 1)], &[]).expect("applies");
    setup.store.close(true).expect("closes");
    let outside = rusqlite::Connection::open(setup.file()).expect("opens");
    let copy = "CREATE TABLE d AS SELECT * FROM c; DROP TABLE c; ALTER TABLE d RENAME TO c";
    outside.execute_batch(copy).expect("copies without the key");
    let attach = || open_set(&setup.folder.path().join("app"), 1).expect("opens").attach(LOG);
    let error = attach().expect_err("ids may repeat");
    assert_eq!((error.code(), error.collection()), (Code::Corrupt, Some("c")));
    outside.execute_batch("CREATE UNIQUE INDEX ids ON c (id)").expect("mends it");
    attach().expect("attaches");
}

#[test]
fn documents_go_to_a_table_that_takes_them() {
    let rest = "data, _version, created_at, updated_at";
    for columns in [
        "id TEXT PRIMARY KEY, {}",
        "id TEXT PRIMARY KEY COLLATE NOCASE, {}, more, kind NOT NULL DEFAULT 1",
        "id UNIQUE, {}",
        "number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, {}",
        "number INTEGER PRIMARY KEY NOT NULL, id TEXT UNIQUE NOT NULL, {}",
        "number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, {}",
    ] {
        let setup = setup_with(&format!("CREATE TABLE c ({})", columns.replace("{}", rest)));
        setup.apply(1, "c", &[("a", "1", 1)], &[]).expect("applies");
        setup.apply(2, "c", &[("a", "2", 1)], &[]).expect("applies");
        assert_eq!(setup.table_of(&setup.collections.get("c")), "c", "{columns}");
    }
}
