//! A program that follows the shards through SQLite, as replicators and backups do: docs/operations.md says how that goes.

mod common;

use std::fs;

use common::{Home, all, check_integrity, set};
use rusqlite::Connection;

fn beside(home: &Home, shard: u32) -> Connection {
    Connection::open(home.shard(shard)).expect("opens")
}

fn rows(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).expect("a row")
}

#[test]
fn copies_of_an_open_database_hold_what_was_flushed() {
    let home = Home::new();
    let db = home.open_busy();
    for i in 0..400 {
        set(&db, "c", &format!("flushed{i}"), "1");
    }
    db.flush_wait().expect("flushes");
    let copy = Home::new();
    for shard in 0..4 {
        for i in 0..100 {
            set(&db, "c", &format!("later{shard}-{i}"), "2");
        }
        let to = copy.shard(shard).display().to_string();
        beside(&home, shard).execute("VACUUM INTO ?", [to]).expect("copies");
    }
    db.close().expect("closes");
    assert_eq!(all(&home.open(), "c", 9999).len(), 800);

    let copied = copy.open();
    let found = all(&copied, "c", 9999);
    let flushed = found.iter().filter(|(id, ..)| id.starts_with("flushed"));
    assert_eq!(flushed.count(), 400);
    copied.close().expect("closes");
    check_integrity(&copy);
}

#[test]
fn a_reader_that_stays_holds_up_no_flush_and_no_close() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "first", "1");
    db.flush_wait().expect("flushes");
    let readers: Vec<_> = (0..4).map(|shard| beside(&home, shard)).collect();
    for reader in &readers {
        reader.execute_batch("BEGIN").expect("begins");
        rows(reader, "SELECT count(*) FROM sqlite_schema");
    }
    let text = format!("\"{}\"", "x".repeat(1000));
    for i in 0..3000 {
        set(&db, "c", &format!("id{i}"), &text);
    }
    db.flush_wait().expect("flushes while they read");
    db.close().expect("closes while they read");
    let wal = home.path().join("app_shard0.db-wal");
    assert!(fs::metadata(&wal).is_ok_and(|found| found.len() > 0), "it could not be emptied");
    for reader in readers {
        reader.execute_batch("COMMIT").expect("ends");
    }
    assert_eq!(all(&home.open(), "c", 9999).len(), 3001);
    check_integrity(&home);
}

#[test]
fn what_a_log_grew_to_while_another_program_read_is_given_back_after_that() {
    let home = Home::new();
    let db = home.open_with(|options| (options.shard_count, options.wal_size) = (1, 16 << 20));
    let write = |digit: u32| {
        // Other pages each time, or SQLite writes none.
        set(&db, "c", "id", digit.to_string().repeat(1 << 20));
        db.flush_wait().expect("flushes");
    };
    write(1);
    let reader = beside(&home, 0);
    reader.execute_batch("BEGIN").expect("begins");
    rows(&reader, "SELECT count(*) FROM c");
    (1..=100).for_each(|i| write(i % 9 + 1));
    let size = || fs::metadata(home.path().join("app_shard0.db-wal")).expect("looks").len();
    assert!(size() > 90 << 20, "{}", size());
    reader.execute_batch("COMMIT").expect("ends");
    // One of the first moves it into the shard.
    (1..=9).for_each(write);
    assert!(size() <= 65 << 20, "{}", size());
    db.close().expect("closes");
    check_integrity(&home);
}

#[test]
fn tables_and_checkpoints_of_another_program_harm_nothing() {
    let home = Home::new();
    let db = home.open();
    let others: Vec<_> = (0..4).map(|shard| beside(&home, shard)).collect();
    for other in &others {
        other
            .execute_batch("CREATE TABLE _replica_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
            .expect("makes");
    }
    for round in 0..20_i64 {
        for i in 0..100 {
            set(&db, "c", &format!("id{i}"), round.to_string());
        }
        db.flush_wait().expect("flushes");
        for other in &others {
            other.execute("INSERT OR REPLACE INTO _replica_seq VALUES (1, ?)", [round]).expect("writes");
            let mode = ["PASSIVE", "RESTART", "TRUNCATE"][round as usize % 3];
            rows(other, &format!("PRAGMA wal_checkpoint({mode})"));
        }
    }
    db.close().expect("closes");
    drop(others);
    let again = home.open();
    let kept = all(&again, "c", 9999);
    assert_eq!(kept.len(), 100);
    assert!(kept.iter().all(|found| found.1 == "19" && found.2 == 20));
    again.close().expect("closes");
    check_integrity(&home);
}
