//! Other programs that write to shard files: what they wrote is read a moment later, whatever was read before.

#[path = "../common/mod.rs"]
mod common;

mod lists;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use common::{Home, all, call, delete, found, get, hold, ids_of, open, open_observed, set, try_open, value};
use kimdb::{Database, Error, Observer, Options};
use rusqlite::Connection;

/// One shard, so that its file is known.
fn options(home: &Home) -> Options {
    Options { shard_count: 1, ..home.options() }
}

fn other_program(home: &Home) -> Connection {
    let connection = Connection::open(home.shard(0)).expect("opens");
    connection.busy_timeout(Duration::from_secs(5)).expect("waits");
    connection
}

/// Waits until something holds; what never does fails.
fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} does not come");
        thread::sleep(Duration::from_millis(2));
    }
}

fn document(text: &str, version: u64) -> Option<(String, u64)> {
    Some((text.to_owned(), version))
}

fn read_often(db: &Database, id: &str) {
    for _ in 0..3 {
        get(db, "c", id);
    }
}

#[test]
fn what_another_program_writes_is_read() {
    for cache_bytes in [0, 1 << 20] {
        let home = Home::new();
        let db = open(Options { cache_bytes, ..options(&home) });
        for id in ["changed", "deleted", "same"] {
            set(&db, "c", id, "1");
        }
        db.flush_wait().expect("flushes");
        ["changed", "deleted", "same", "new"].iter().for_each(|id| read_often(&db, id));
        assert_eq!(value(&db, "c", "new"), None);
        let other = other_program(&home);
        other
            .execute_batch(
                "UPDATE c SET data = '2', _version = 7 WHERE id = 'changed'; DELETE FROM c WHERE id = 'deleted';
                 INSERT INTO c (id, data) VALUES ('new', '3')",
            )
            .expect("writes");
        soon("the change", || value(&db, "c", "changed") == document("2", 7));
        soon("the deletion", || value(&db, "c", "deleted").is_none());
        soon("the new document", || value(&db, "c", "new") == document("3", 1));
        assert_eq!(value(&db, "c", "same"), document("1", 1));
        // And so again.
        ["changed", "new"].iter().for_each(|id| read_often(&db, id));
        other.execute_batch("UPDATE c SET data = '4'").expect("writes");
        soon("the second change", || value(&db, "c", "changed") == document("4", 7));
        soon("the second change", || value(&db, "c", "new") == document("4", 1));
    }
}

#[test]
fn our_writes_count_on_theirs() {
    let home = Home::new();
    let db = open(options(&home));
    set(&db, "c", "a", "1");
    db.flush_wait().expect("flushes");
    read_often(&db, "a");
    other_program(&home).execute_batch("UPDATE c SET data = '2', _version = 10").expect("writes");
    set(&db, "c", "a", "3");
    db.flush_wait().expect("flushes");
    // Seen by the flush itself, at the latest.
    assert_eq!(value(&db, "c", "a"), document("3", 11));
}

#[test]
fn the_version_of_what_is_buffered_counts_on_theirs_too_whatever_was_read_before() {
    let home = Home::new();
    let db = open(Options { flush_interval_ms: 1 << 30, ..options(&home) });
    set(&db, "c", "a", "1");
    db.flush_wait().expect("flushes");
    set(&db, "c", "a", "2");
    assert_eq!(get(&db, "c", "a"), found("2", 2, true));
    let other = other_program(&home);
    for theirs in [10, 20] {
        other.execute_batch(&format!("UPDATE c SET _version = {theirs}")).expect("writes");
        soon("their version", || get(&db, "c", "a") == found("2", theirs + 1, true));
    }
    // Nor what was known of one that others have deleted.
    other.execute_batch("DELETE FROM c").expect("writes");
    soon("their deletion", || get(&db, "c", "a") == found("2", 1, true));
    db.flush_wait().expect("flushes");
    assert_eq!(value(&db, "c", "a"), document("2", 1));
}

#[test]
fn what_others_write_behind_a_flush_is_read_while_the_flush_waits_for_another_shard() {
    let home = Home::new();
    let db = open(Options { shard_count: 2, ..home.options() });
    let ids: Vec<String> = ids_of(&db, 0).take(3).collect();
    let [changed, deleted, stored] = &ids[..] else { unreachable!("three") };
    let elsewhere = ids_of(&db, 1).next().expect("one");
    ids.iter().chain([&elsewhere]).for_each(|id| set(&db, "c", id, "1"));
    db.flush_wait().expect("flushes");
    let held = hold(&home.shard(1));
    set(&db, "c", changed, "2");
    set(&db, "c", deleted, "2");
    delete(&db, "c", stored);
    set(&db, "c", &elsewhere, "2");
    db.flush(Box::new(|_| ())).expect("begins");
    soon("the flush", || get(&db, "c", changed) == found("2", 2, false));
    assert_eq!((get(&db, "c", stored), get(&db, "c", &elsewhere)), (None, found("2", 2, true)));
    other_program(&home)
        .execute_batch(&format!(
            "UPDATE c SET data = '3', _version = 7 WHERE id = '{changed}'; DELETE FROM c WHERE id = '{deleted}';
             INSERT INTO c (id, data, _version) VALUES ('{stored}', '3', 4)"
        ))
        .expect("writes");
    soon("their change", || value(&db, "c", changed) == document("3", 7));
    soon("their deletion", || value(&db, "c", deleted).is_none());
    soon("their document", || value(&db, "c", stored) == document("3", 4));
    assert_eq!(get(&db, "c", &elsewhere), found("2", 2, true), "and what is buffered stays");
    // What is written now is newer again.
    set(&db, "c", changed, "4");
    assert_eq!(get(&db, "c", changed), found("4", 8, true));
    drop(held);
    db.flush_wait().expect("flushes");
    assert_eq!(value(&db, "c", changed), document("4", 8));
    assert_eq!((value(&db, "c", deleted), value(&db, "c", stored)), (None, document("3", 4)));
    assert_eq!(value(&db, "c", &elsewhere), document("2", 2));
}

#[test]
fn versions_do_not_go_back_behind_a_deletion_that_waits_for_another_shard() {
    let home = Home::new();
    let db = open(Options { shard_count: 2, ..home.options() });
    let (id, elsewhere) = (ids_of(&db, 0).next().expect("one"), ids_of(&db, 1).next().expect("one"));
    [&id, &elsewhere].into_iter().for_each(|id| set(&db, "c", id, "1"));
    db.flush_wait().expect("flushes");
    let held = hold(&home.shard(1));
    delete(&db, "c", &id);
    set(&db, "c", &id, "2");
    set(&db, "c", &elsewhere, "2");
    db.flush(Box::new(|_| ())).expect("begins");
    soon("the flush", || get(&db, "c", &id) == found("2", 1, false));
    other_program(&home).execute_batch("UPDATE c SET data = '3', _version = 12").expect("writes");
    soon("their change", || value(&db, "c", &id) == document("3", 12));
    set(&db, "c", &id, "4");
    assert_eq!(get(&db, "c", &id), found("4", 13, true));
    drop(held);
    db.flush_wait().expect("flushes");
    assert_eq!(value(&db, "c", &id), document("4", 13));
}

#[derive(Debug, Default)]
struct Told(AtomicU64);

impl Observer for Told {
    fn flushed(&self, _: u64, _: Duration) {}

    fn failed(&self, error: &Error) {
        panic!("{error}");
    }

    fn changed_outside(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn observers_are_told_of_others_and_not_of_ourselves() {
    let home = Home::new();
    let told = Arc::new(Told::default());
    let db = open_observed(Options { flush_interval_ms: 1, ..options(&home) }, &told);
    for i in 0..200 {
        set(&db, "c", "a", i.to_string());
        get(&db, "c", "a");
        if i % 20 == 0 {
            db.flush_wait().expect("flushes");
            db.shard_pragma(0, "wal_checkpoint(PASSIVE)").expect("checkpoints");
            get(&db, "c", "a");
            // The thread that looks has time to.
            thread::sleep(Duration::from_millis(20));
        }
    }
    assert_eq!(told.0.load(Ordering::Relaxed), 0);
    other_program(&home).execute_batch("UPDATE c SET data = '2'").expect("writes");
    soon("word of it", || told.0.load(Ordering::Relaxed) == 1);
}

const DOCUMENTS: &str =
    "(id TEXT PRIMARY KEY, data TEXT NOT NULL, _version INTEGER DEFAULT 1, created_at TEXT, updated_at TEXT)";

#[test]
fn a_table_that_another_program_makes_is_a_collection() {
    let home = Home::new();
    let db = open(options(&home));
    assert_eq!((value(&db, "orders", "a"), value(&db, "Bills", "a")), (None, None));
    let other = other_program(&home);
    other
        .execute_batch(&format!(
            "CREATE TABLE orders {DOCUMENTS}; INSERT INTO orders (id, data) VALUES ('a', '1');
             CREATE TABLE bills {DOCUMENTS}; INSERT INTO bills (id, data) VALUES ('a', '2');
             CREATE TABLE notes (text TEXT)"
        ))
        .expect("makes");
    soon("the new collection", || value(&db, "orders", "a") == document("1", 1));
    soon("the new collection", || !all(&db, "bills", 9).is_empty());
    other.execute_batch("DROP TABLE orders").expect("drops");
    soon("the end of it", || value(&db, "orders", "a").is_none());
    for collection in ["orders", "bills", "notes"] {
        set(&db, collection, "b", "3");
    }
    db.flush_wait().expect("flushes");
    db.close().expect("closes");
    let db = open(options(&home));
    let bills = [("b", "3", 1), ("a", "2", 1)].map(|(id, text, version)| (id.into(), text.into(), version));
    assert_eq!(all(&db, "bills", 9), bills);
    assert_eq!((value(&db, "orders", "b"), value(&db, "notes", "b")), (document("3", 1), document("3", 1)));
}

#[test]
fn a_name_that_another_program_takes_in_one_shard_is_told() {
    let home = Home::new();
    let db = home.open_with(|options| options.shard_count = 2);
    let other = Connection::open(home.shard(1)).expect("opens");
    other.execute_batch("CREATE TABLE settings (key TEXT, value TEXT)").expect("makes");
    let ids: Vec<String> = (0..2).flat_map(|shard| ids_of(&db, shard).take(3).collect::<Vec<_>>()).collect();
    ids.iter().for_each(|id| set(&db, "settings", id, "1"));
    let error = db.flush_wait().expect_err("it is somebody else's").to_string();
    assert!(error.contains("settings") && error.contains("rename"), "{error}");
    // Also where another shard has to wait for a moment only.
    ids.iter().for_each(|id| set(&db, "settings", id, "1"));
    let held = hold(&home.shard(0));
    let error = db.flush_wait().expect_err("it is somebody else's").to_string();
    assert!(error.contains("rename"), "{error}");
    drop(held);
    other.execute_batch("ALTER TABLE settings RENAME TO theirs").expect("renames");
    db.flush_wait().expect("flushes");
    assert_eq!(all(&db, "settings", 99).len(), ids.len());
}

/// As another process that uses this library: the collection is on record in the first shard, and then there are documents.
#[test]
fn a_table_that_another_process_makes_is_its_collections_alone() {
    let home = Home::new();
    let db = home.open();
    let id = ids_of(&db, 3).next().expect("an id");
    set(&db, "users", &id, "1");
    db.flush_wait().expect("flushes");
    db.close().expect("closes");
    let db = home.open();
    assert_eq!(value(&db, "users", &id), document("1", 1));
    let first = Connection::open(home.shard(0)).expect("opens");
    first
        .execute_batch(&format!(
            "BEGIN; CREATE TABLE orders {DOCUMENTS}; INSERT INTO _kimdb_collection VALUES ('or-ders', 'orders'); COMMIT"
        ))
        .expect("records");
    let last = Connection::open(home.shard(3)).expect("opens");
    last.execute_batch(&format!(
        "BEGIN; CREATE TABLE orders {DOCUMENTS}; INSERT INTO _kimdb_collection VALUES ('or-ders', 'orders');
         INSERT INTO orders (id, data, _version) VALUES ('{id}', '2', 5); COMMIT"
    ))
    .expect("stores");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(value(&db, "orders", &id), None);
    assert_eq!(value(&db, "or-ders", &id), document("2", 5));
    set(&db, "orders", &id, "3");
    assert_eq!(value(&db, "orders", &id), document("3", 1));
}

#[test]
fn a_trigger_with_the_name_of_a_table_is_in_nobodys_way() {
    let home = Home::new();
    let db = open(options(&home));
    set(&db, "users", "a", "1");
    db.flush_wait().expect("flushes");
    db.close().expect("closes");
    let other = other_program(&home);
    let trigger = |name| format!("CREATE TRIGGER {name} AFTER INSERT ON users BEGIN SELECT 1; END");
    other.execute_batch(&[trigger("users"), trigger("orders")].join(";")).expect("makes");
    let db = open(options(&home));
    assert_eq!(value(&db, "users", "a"), document("1", 1));
    set(&db, "orders", "a", "2");
    db.flush_wait().expect("flushes");
    let stored: String =
        other.query_row("SELECT data FROM orders", [], |row| row.get(0)).expect("is in that table");
    assert_eq!(stored, "2");
}

#[test]
fn flushes_get_between_the_transactions_of_a_program_that_has_one_after_the_other() {
    const FLUSHES: u64 = 20;
    let home = Home::new();
    let db = open(options(&home));
    set(&db, "c", "a", "0");
    db.flush_wait().expect("flushes");
    let (other, done, ends) =
        (other_program(&home), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let busy = {
        let (done, ends) = (Arc::clone(&done), Arc::clone(&ends));
        thread::spawn(move || {
            while done.load(Ordering::Relaxed) == 0 {
                other.execute_batch("BEGIN IMMEDIATE").expect("begins");
                thread::sleep(Duration::from_millis(100));
                other.execute_batch("COMMIT").expect("ends");
                ends.fetch_add(1, Ordering::Relaxed);
                // As long as it takes another process that uses this library to make its next transaction ready.
                thread::sleep(Duration::from_millis(4));
            }
        })
    };
    for i in 0..FLUSHES {
        // So that it is in the middle of its next one.
        thread::sleep(Duration::from_millis(30));
        set(&db, "c", "a", i.to_string());
        db.flush_wait().expect("flushes");
    }
    done.store(1, Ordering::Relaxed);
    busy.join().expect("ends");
    let missed = ends.load(Ordering::Relaxed);
    assert!(missed < 3 * FLUSHES, "{FLUSHES} flushes took {missed} transactions of the other");
}

#[test]
fn an_opening_waits_for_another_programs_transaction() {
    let home = Home::new();
    open(options(&home)).close().expect("closes");
    // There is something to forget, so that the opening has to write.
    let other = other_program(&home);
    other.execute_batch("INSERT INTO _kimdb_log VALUES ('00', 1)").expect("writes");
    // Nor is there anything in SQLite's log that it would wait for.
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("checkpoints");
    other.execute_batch("BEGIN IMMEDIATE").expect("begins");
    let options = options(&home);
    let opening = call(move || try_open(options));
    thread::sleep(Duration::from_millis(300));
    assert!(opening.is_running(), "it waits");
    other.execute_batch("COMMIT").expect("ends");
    opening.finish().expect("opens").close().expect("closes");
    let left: u32 = other
        .query_row("SELECT count(*) FROM _kimdb_log WHERE log = '00'", [], |row| row.get(0))
        .expect("counts");
    assert_eq!(left, 0);
}
