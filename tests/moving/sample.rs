//! A database with documents, openings of it with another number of shards, and what has to be there then.

use std::{fs, sync::Arc};

use kimdb::{Database, Error, Options, Progress};

use crate::common::{Home, all, delete, set, value};

/// Documents of a filled database: most were written twice, and some again since.
pub const DOCUMENTS: u32 = 200;

/// A closed database of four shards.
pub fn filled() -> Home {
    let home = Home::new();
    let db = home.open();
    for i in 0..DOCUMENTS {
        set(&db, "users", &format!("id{i}"), i.to_string());
        set(&db, "사용자", &format!("id{i}"), format!("\"{i}\""));
    }
    set(&db, "users", "id0", "\"again\"");
    set(&db, "a-b", "only", "1");
    set(&db, "gone", "a", "1");
    delete(&db, "gone", "a");
    db.close().expect("closes");
    home
}

pub fn with(home: &Home, shards: u32) -> Options {
    Options { shard_count: shards, ..home.options() }
}

/// Opens, with what was told meanwhile.
pub fn open_telling(options: Options) -> (Result<Arc<Database>, Error>, Vec<Progress>) {
    let mut told = Vec::new();
    let opened = Database::open_telling(options, None, &mut |progress| told.push(progress));
    (opened.map(Arc::new), told)
}

pub fn check_filled(db: &Database) {
    check_filled_but(db, "");
}

pub fn check_filled_but(db: &Database, more: &str) {
    for i in 1..DOCUMENTS {
        let id = format!("id{i}");
        assert_eq!(value(db, "users", &id), Some((i.to_string(), 1)));
        assert_eq!(value(db, "사용자", &id), Some((format!("\"{i}\""), 1)));
    }
    assert_eq!(value(db, "users", "id0"), Some(("\"again\"".to_owned(), 2)));
    assert_eq!(value(db, "a-b", "only"), Some(("1".to_owned(), 1)));
    assert_eq!(value(db, "gone", "a"), None);
    assert_eq!(all(db, "users", 10_000).len() as u32, DOCUMENTS);
    let mut names = db.collections();
    names.retain(|name| name != more);
    names.sort();
    assert_eq!(names, ["a-b", "gone", "users", "사용자"]);
}

/// The database's files but the log.
pub fn names(home: &Home) -> Vec<String> {
    let names =
        fs::read_dir(home.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "app.wal");
    names.sort();
    names
}

pub fn shard_names(shards: u32) -> Vec<String> {
    let mut names: Vec<String> = (0..shards).map(|shard| format!("app_shard{shard}.db")).collect();
    names.sort();
    names
}
