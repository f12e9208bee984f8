//! Shards as the old library leaves them.

use std::path::Path;

use kimdb::{
    Database,
    verify::{Request, Severity, verify},
};
use md5::{Digest, Md5};
use rusqlite::{Connection, params};

use crate::common::{Home, all, value};

pub fn shard_of(id: &str, shards: u32) -> u32 {
    let digest = Md5::digest(id.as_bytes());
    u32::from_be_bytes(digest[..4].try_into().expect("four bytes")) % shards
}

/// A row as the old library leaves it: the id that tells its shard, the one that is stored, and when it was changed.
pub struct Row<'a> {
    pub table: &'a str,
    pub given: String,
    pub stored: String,
    pub second: u32,
}

pub fn text<'a>(table: &'a str, id: &str) -> Row<'a> {
    Row { table, given: id.to_owned(), stored: id.to_owned(), second: 0 }
}

pub fn number(table: &str, number: i64) -> Row<'_> {
    Row { table, given: number.to_string(), stored: format!("{number}.0"), second: 0 }
}

/// A collection, unless it is there.
pub fn create_table(connection: &Connection, table: &str) {
    let create = format!(
        "CREATE TABLE IF NOT EXISTS {table} (id TEXT PRIMARY KEY, data TEXT NOT NULL, _version INTEGER DEFAULT 1,
            created_at TEXT DEFAULT CURRENT_TIMESTAMP, updated_at TEXT DEFAULT CURRENT_TIMESTAMP)"
    );
    connection.execute_batch(&create).expect("creates");
}

/// A file with such rows; the data of each is what the program called it.
pub fn write_rows<'a>(path: &Path, rows: impl Iterator<Item = &'a Row<'a>>) {
    let connection = Connection::open(path).expect("opens");
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).expect("sets");
    for Row { table, given, stored, second } in rows {
        create_table(&connection, table);
        let insert = format!("INSERT INTO {table} VALUES (?, ?, 3, '2024-05-06 07:08:09', ?)");
        let time = format!("2024-05-06 07:09:{second:02}");
        connection.execute(&insert, params![stored, format!("\"{given}/{stored}\""), time]).expect("inserts");
    }
}

/// Shards as the old library leaves them.
pub fn write_shards(home: &Home, shards: u32, rows: &[Row<'_>]) {
    for shard in 0..shards {
        write_rows(&home.shard(shard), rows.iter().filter(|row| shard_of(&row.given, shards) == shard));
    }
}

pub fn numbers_and_texts() -> Vec<Row<'static>> {
    let mut rows: Vec<_> = (-20..200).filter(|i| *i != 0).map(|i| number("numbers", i)).collect();
    rows.extend((0..50).map(|i| text("numbers", &format!("id{i}"))));
    rows.extend((1..200).map(|i| text("texts", &format!("{i}.0"))));
    rows
}

pub fn check_numbers_and_texts(db: &Database) {
    for i in (-20..200).filter(|i| *i != 0) {
        let expected = Some((format!("\"{i}/{i}.0\""), 3));
        assert_eq!(value(db, "numbers", &i.to_string()), expected);
        assert_eq!(value(db, "numbers", &format!("{i}.0")), None, "it has one name");
    }
    for i in 1..200 {
        assert_eq!(
            value(db, "texts", &format!("{i}.0")),
            Some((format!("\"{i}.0/{i}.0\""), 3)),
            "it is a text"
        );
        assert_eq!(value(db, "texts", &i.to_string()), None);
    }
    assert_eq!((all(db, "numbers", 1000).len(), all(db, "texts", 1000).len()), (269, 199));
}

/// Nothing is told as damaged that the next opening puts right.
pub fn check_undamaged(home: &Home) {
    let request = Request { base: home.base(), log: None, quick: false };
    let report = verify(&request, &mut |_, _| ()).expect("verifies");
    assert!(report.findings.iter().all(|found| found.severity == Severity::Note), "{:?}", report.findings);
}
