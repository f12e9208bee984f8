//! A log that somebody damages while it is in use. A flush finds out, writes are refused from then on, and nothing but the damaged
//! record is lost: what is whole waits in the log for the next opening.

#![cfg(unix)]

mod common;

use std::{fs, os::unix::fs::FileExt, path::Path, sync::Arc, thread, time::Duration};

use common::{Home, call, hold, ids_of, noted, set, until, value};
use kimdb::{Attempt, Code, Database};

/// Changes the newest record of this text in the file, which is the memory of whoever has it open.
fn damage(wal: &Path, text: &str) {
    let bytes = fs::read(wal).expect("reads");
    let at = bytes.windows(text.len()).rposition(|part| part == text.as_bytes()).expect("is there");
    let file = fs::OpenOptions::new().write(true).open(wal).expect("opens");
    file.write_all_at(b"XX", at as u64).expect("writes");
}

#[test]
fn writes_that_come_while_damage_is_found_do_not_hide_what_is_whole() {
    const COUNT: usize = 50_000;
    let home = Home::new();
    let db = home.open_with(|options| options.wal_size = 64 << 20);
    for i in 0..COUNT {
        set(&db, "c", &format!("id{i}"), format!("\"text {i:06}\""));
    }
    damage(&home.wal(), &format!("text {:06}", COUNT - 1));
    let writer = {
        let db = Arc::clone(&db);
        call(move || {
            let later = db.collection("later");
            (0..).take_while(|i| db.set(&later, &format!("id{i}"), b"1").is_ok()).count()
        })
    };
    until("a write in between", || db.stats().buffer_size > COUNT as u64);
    assert_eq!(db.flush_wait().expect_err("it is damaged").code(), Code::Corrupt);
    let later = writer.finish();
    assert_eq!(db.flush_wait().expect_err("for good").code(), Code::Corrupt);
    db.close().expect_err("something is left");
    drop(db);
    let db = home.open_with(|options| options.wal_size = 64 << 20);
    let missing = |collection: &str, count: usize| -> Vec<usize> {
        (0..count).filter(|i| value(&db, collection, &format!("id{i}")).is_none()).collect()
    };
    assert_eq!(missing("c", COUNT), [COUNT - 1]);
    assert_eq!(missing("later", later), Vec::<usize>::new());
    assert!(db.stats().damaged_bytes > 0);
}

#[test]
fn a_large_record_behind_damage_is_refused_and_takes_nothing_along() {
    let home = Home::new();
    let db = home.open();
    let ids: Vec<String> = ids_of(&db, 0).take(4).collect();
    for (id, text) in ids.iter().zip(["\"first\"", "\"second\"", "\"third\""]) {
        set(&db, "c", id, text);
    }
    damage(&home.wal(), "second");
    let large = format!("\"{}\"", "x".repeat(600_000));
    let error = db.set(&db.collection("c"), &ids[3], large.as_bytes()).expect_err("it is damaged");
    assert_eq!(error.code(), Code::Corrupt);
    db.close().expect_err("something is left");
    drop(db);
    let db = home.open();
    let texts: Vec<_> = ids.iter().map(|id| value(&db, "c", id).map(|found| found.0)).collect();
    assert_eq!(texts, [Some("\"first\"".to_owned()), None, Some("\"third\"".to_owned()), None]);
}

#[test]
fn what_lies_behind_damage_is_brought_to_the_disk_in_time() {
    let home = Home::new();
    // Nothing else begins a flush before the damage is done.
    let db = home.open_with(|options| options.flush_interval_ms = 1000);
    let used = write_and_damage(&home, &db);
    until("the header tells of it", || noted(&fs::read(home.wal()).expect("reads")) >= used);
    check_third(&home.crash_image());
}

#[test]
fn what_lies_behind_damage_is_on_the_disk_when_the_database_is_closed() {
    let home = Home::new();
    let db = home.open();
    let used = write_and_damage(&home, &db);
    db.close().expect_err("something is left");
    assert!(noted(&fs::read(home.wal()).expect("reads")) >= used);
    check_third(&home);
}

/// Three documents, of which the second is damaged and found to be. Returns where the log ends.
fn write_and_damage(home: &Home, db: &Database) -> u64 {
    for (id, text) in [("a", "\"first\""), ("b", "\"second\""), ("c", "\"third\"")] {
        set(db, "c", id, text);
    }
    damage(&home.wal(), "second");
    assert_eq!(db.flush_wait().expect_err("it is damaged").code(), Code::Corrupt);
    db.stats().wal_bytes
}

fn check_third(home: &Home) {
    let db = home.open();
    assert_eq!(value(&db, "c", "c").map(|found| found.0), Some("\"third\"".to_owned()));
    assert!(db.stats().damaged_bytes > 0, "it is told");
}

/// A document's text and version, or the code of the error.
fn read(db: &Database, id: &str) -> Result<Option<(String, u64)>, Code> {
    let mut text = Vec::new();
    let found = db.get(&db.collection("c"), id, &mut text).map_err(|error| error.code())?;
    Ok(found.map(|found| (String::from_utf8(text).expect("a text"), found.version)))
}

fn try_to_flush(db: &Database) {
    let before = db.stats().retries;
    db.flush(Box::new(|_| ())).expect("is asked for");
    until("it is tried", || db.stats().retries > before);
}

#[test]
fn damage_met_while_generations_are_merged_hides_nothing_that_is_whole() {
    let home = Home::new();
    let db = home.open();
    let ids: Vec<String> = ids_of(&db, 0).take(7).collect();
    let read = |id: &str| read(&db, id);
    set(&db, "c", &ids[0], "\"first\"");
    set(&db, "c", &ids[1], "\"whole\"");
    db.flush_wait().expect("flushes");
    // One generation after the other waits for its shard.
    let holder = hold(&home.shard(0));
    let flush = || try_to_flush(&db);
    for (id, text) in [(&ids[1], "\"whole, new\""), (&ids[0], "\"damaged\"")] {
        set(&db, "c", id, text);
        flush();
        assert_eq!(read(id), Ok(Some((text.to_owned(), 2))));
    }
    damage(&home.wal(), "damaged");
    let written = ids[2..].iter().take_while(|id| {
        let is_written = db.set(&db.collection("c"), id, b"1").is_ok();
        db.flush(Box::new(|_| ())).expect("is asked for");
        thread::sleep(Duration::from_millis(100));
        is_written
    });
    let written = written.count();
    assert_eq!(read(&ids[0]), Err(Code::Corrupt));
    assert_eq!(read(&ids[1]), Ok(Some(("\"whole, new\"".to_owned(), 2))));
    for id in &ids[2..2 + written] {
        assert_eq!(read(id), Ok(Some(("1".to_owned(), 1))), "{id}");
    }
    drop(holder);
    drop(db.close());
}

#[test]
fn reads_behind_many_writes_tell_damage_in_the_middle_of_them() {
    let home = Home::new();
    let db = home.open_with(|options| (options.buffer_size, options.flush_interval_ms) = (1 << 40, 1 << 40));
    // More than is indexed in one go.
    for i in 0..2000 {
        set(&db, "c", &format!("id{i}"), format!("\"text {i:06} {}\"", "x".repeat(200)));
    }
    let wal = fs::read(home.wal()).expect("reads");
    let at = wal.windows(11).rposition(|part| part == b"text 000300").expect("is there");
    // The record is no record any more, from its headers on.
    let file = fs::OpenOptions::new().write(true).open(home.wal()).expect("opens");
    file.write_all_at(&[0; 64], at as u64 - 48).expect("writes");
    let c = db.collection("c");
    for id in ["id1999", "id300", "id1999", "nobody"] {
        let found = db.get(&c, id, &mut Vec::new()).map_err(|error| error.code());
        assert_eq!(found, Err(Code::Corrupt), "{id}");
        let found = db.try_get(&c, id, &mut Vec::new()).map_err(|error| error.code());
        assert!(matches!(found, Err(Code::Corrupt) | Ok(Attempt::WouldWait(_))), "{id}: {found:?}");
    }
    drop(db.close());
}

#[test]
fn damage_that_merging_finds_is_still_told_by_reads_after_it() {
    let home = Home::new();
    let db = home.open();
    let ids: Vec<String> = ids_of(&db, 0).take(8).collect();
    let read = |id: &str| read(&db, id);
    set(&db, "c", &ids[0], "\"first\"");
    set(&db, "c", &ids[1], "\"whole\"");
    db.flush_wait().expect("flushes");
    let holder = hold(&home.shard(0));
    let flush = || try_to_flush(&db);
    // A generation of which nobody has read anything when it is damaged.
    set(&db, "c", &ids[0], "\"damaged\"");
    set(&db, "c", &ids[1], "\"whole, new\"");
    flush();
    damage(&home.wal(), "damaged");
    for id in &ids[2..] {
        // Larger than those, so that those are merged first.
        let text = format!("\"{}\"", "x".repeat(1000));
        if db.set(&db.collection("c"), id, text.as_bytes()).is_err() {
            break;
        }
        flush();
    }
    for _ in 0..5 {
        flush();
        assert_eq!([read(&ids[0]), read(&ids[1])], [Err(Code::Corrupt), Err(Code::Corrupt)]);
    }
    drop(holder);
    drop(db.close());
}
