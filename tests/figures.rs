//! What an open database tells of itself: figures, its state, times, and what each shard has.

mod common;

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    sync::Mutex,
    thread,
    time::Duration,
};

use common::{Home, call, fill, hold, ids_of, open, open_observed, record, set, until};
use kimdb::{Code, Error, Observer, Options, State};

/// Remembers the times of syncs, and what was tried again.
#[derive(Debug, Default)]
struct Listener {
    synced: Mutex<Vec<Duration>>,
    retried: Mutex<Vec<Code>>,
}

impl Observer for Listener {
    fn flushed(&self, _: u64, _: Duration) {}

    fn synced(&self, time: Duration) {
        self.synced.lock().expect("no panic").push(time);
    }

    fn retrying(&self, error: &Error) {
        self.retried.lock().expect("no panic").push(error.code());
    }

    fn failed(&self, _: &Error) {}
}

#[test]
fn a_new_database_has_nothing_to_tell() {
    let home = Home::new();
    let stats = home.open().stats();
    assert_eq!(stats.state, State::Ok);
    assert_eq!((stats.buffered_bytes, stats.oldest_age_ms, stats.retries, stats.failures), (0, 0, 0, 0));
    let db = home.open();
    assert_eq!((db.flush_times().count, db.failures().len()), (0, 0));
    let shards = db.shard_stats();
    assert_eq!(shards.iter().map(|shard| shard.shard).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(
        shards.iter().all(|shard| (shard.flushed_writes, shard.waiting_writes, shard.lag_ms) == (0, 0, 0))
    );
}

#[test]
fn what_is_buffered_is_counted_in_bytes_and_grows_old() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "1");
    let first = db.stats();
    assert_eq!(first.buffered_bytes, first.wal_bytes);
    thread::sleep(Duration::from_millis(30));
    set(&db, "c", "b", "1");
    let second = db.stats();
    assert!(second.buffered_bytes > first.buffered_bytes);
    assert!(second.oldest_age_ms >= 20, "the first write counts: {} ms", second.oldest_age_ms);
    db.flush_wait().expect("flushes");
    let flushed = db.stats();
    assert_eq!((flushed.buffered_bytes, flushed.oldest_age_ms), (0, 0));
    assert!(flushed.wal_bytes > 0, "the log gives space back later");
}

#[test]
fn a_document_too_large_for_the_log_is_as_old_as_its_call() {
    let home = Home::new();
    let db = open(Options { wal_size: 1 << 14, shard_count: 1, ..home.options() });
    let held = hold(&home.shard(0));
    let writer = std::sync::Arc::clone(&db);
    let large = call(move || set(&writer, "c", "large", format!("\"{}\"", "x".repeat(1 << 14))));
    until("it waits", || db.stats().state == State::Waiting);
    until("it grows old", || db.stats().oldest_age_ms >= 50);
    assert!(db.stats().buffered_bytes >= 1 << 14);
    drop(held);
    large.finish();
    db.flush_wait().expect("flushes");
    assert_eq!((db.stats().state, db.stats().oldest_age_ms, db.stats().buffered_bytes), (State::Ok, 0, 0));
    assert_eq!(db.flush_times().count, 1, "that was a flush");
}

#[test]
fn flushes_and_syncs_are_timed() {
    let home = Home::new();
    let listener = std::sync::Arc::new(Listener::default());
    let db = open_observed(home.options(), &listener);
    for round in 1..=5 {
        set(&db, "c", "a", "1");
        db.flush_wait().expect("flushes");
        assert_eq!(db.flush_times().count, round);
    }
    // A sync is counted a moment after those who waited for it.
    until("each flush comes after a sync", || db.sync_times().count >= 5);
    let flushes = db.flush_times();
    assert!(flushes.total_us > 0 && flushes.longest_us <= flushes.total_us);
    assert!(flushes.quantile_us(0.5) <= flushes.quantile_us(0.99));
    until("each was told", || {
        listener.synced.lock().expect("no panic").len() as u64 == db.sync_times().count
    });
}

#[test]
fn what_a_shard_has_and_lacks() {
    let home = Home::new();
    let listener = std::sync::Arc::new(Listener::default());
    let db = open_observed(Options { shard_count: 2, ..home.options() }, &listener);
    let held = hold(&home.shard(1));
    for (shard, count) in [(0, 30), (1, 50)] {
        ids_of(&db, shard).take(count).for_each(|id| set(&db, "c", &id, "1"));
    }
    let flushing = std::sync::Arc::clone(&db);
    let flush = call(move || flushing.flush_wait());
    until("the other shard has its writes", || db.shard_stats()[0].flushed_writes == 30);
    until("this one is tried again", || db.shard_stats()[1].retries > 0);
    let shards = db.shard_stats();
    assert_eq!((shards[0].waiting_writes, shards[0].lag_ms, shards[0].retries), (0, 0, 0));
    assert_eq!((shards[1].flushed_writes, shards[1].waiting_writes), (0, 50));
    until("they grow old", || db.shard_stats()[1].lag_ms >= 50);
    // For a moment it is no failure, later it is.
    until("it is told", || db.stats().state == State::Retrying);
    assert_eq!(db.shard_stats()[1].failure.as_ref().map(Error::code), Some(Code::Busy));
    assert_eq!(db.shard_stats()[0].failure, None);
    assert!(db.stats().retries > 0 && db.stats().oldest_age_ms >= 50);
    assert!(listener.retried.lock().expect("no panic").contains(&Code::Busy));
    flush.finish().expect_err("it was held for too long");
    drop(held);
    db.flush_wait().expect("flushes");
    let shards = db.shard_stats();
    assert_eq!((shards[1].flushed_writes, shards[1].waiting_writes, shards[1].lag_ms), (50, 0, 0));
    assert_eq!((shards[1].failure.clone(), db.stats().state), (None, State::Ok));
    let failures = db.failures();
    assert_eq!(failures.len() as u64, db.stats().failures);
    assert!(failures.iter().all(|failure| failure.error.shard() == Some(1) && failure.time_ms > 1 << 40));
}

#[test]
fn a_full_log_is_told() {
    let home = Home::new();
    let db = open(Options { shard_count: 1, wal_size: 1 << 14, ..home.options() });
    let held = hold(&home.shard(0));
    fill(&db, "c", ids_of(&db, 0), "\"some text that fills the log\"");
    let stats = db.stats();
    assert_eq!(stats.state, State::Waiting);
    assert!(stats.buffered_bytes > stats.waiting_bytes && stats.waiting_bytes > 0);
    drop(held);
    db.flush_wait().expect("flushes");
    assert_eq!(db.stats().state, State::Ok);
}

#[test]
fn a_log_that_cannot_be_written_refuses_until_it_can() {
    let home = Home::new();
    let (logs, away) = (home.path().join("logs"), home.path().join("away"));
    fs::create_dir(&logs).expect("makes");
    let db = open(Options { wal_path: logs.join("app.wal"), flush_interval_ms: 20, ..home.options() });
    fs::rename(&logs, &away).expect("renames");
    db.submit_durable_wait(&mut record(&db, &[("c", "a", Some("1"))])).expect_err("it is not on the disk");
    until("it is told", || db.stats().state == State::Refusing);
    until("it is tried again", || db.stats().retries > 1);
    assert_eq!(db.failures().len(), 1, "told once: {:?}", db.failures());
    fs::create_dir(&logs).expect("makes");
    until("there is another file", || db.stats().state == State::Ok);
    db.submit_durable_wait(&mut record(&db, &[("c", "b", Some("1"))])).expect("writes");
}

#[test]
fn a_log_that_was_changed_refuses_for_good() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "\"some text\"");
    let mut file = fs::OpenOptions::new().write(true).open(home.wal()).expect("opens");
    file.seek(SeekFrom::Start(8192 + 30)).expect("seeks");
    file.write_all(&[0xFF; 8]).expect("writes");
    db.flush_wait().expect_err("it is not what was written");
    assert_eq!(db.stats().state, State::Readonly);
    assert_eq!(db.failures().first().map(|failure| failure.error.code()), Some(Code::Corrupt));
}

#[test]
fn documents_are_counted_by_shard() {
    let home = Home::new();
    let db = home.open();
    let count = || {
        let (tell, told) = std::sync::mpsc::channel();
        db.shard_rows(move |result| tell.send(result).expect("awaited")).expect("is open");
        told.recv().expect("is told").expect("counts")
    };
    assert_eq!(count(), "[0, 0, 0, 0]");
    for (shard, documents) in [(0, 3), (2, 5)] {
        ids_of(&db, shard).take(documents).for_each(|id| set(&db, "c", &id, "1"));
        ids_of(&db, shard).take(documents).for_each(|id| set(&db, "다른", &id, "1"));
    }
    assert_eq!(count(), "[0, 0, 0, 0]", "as flushed");
    db.flush_wait().expect("flushes");
    assert_eq!(count(), "[6, 0, 10, 0]");
    db.close().expect("closes");
    let error = db.shard_rows(|_| unreachable!("it is closed")).expect_err("closed");
    assert_eq!(error.code(), Code::Closed);
}

#[test]
fn a_write_too_large_for_the_log_counts_as_any_other() {
    let home = Home::new();
    let db = home.open_with(|options| options.shard_count = 1);
    set(&db, "c", "a", format!("\"{}\"", "x".repeat(600_000)));
    db.flush_wait().expect("flushes");
    let stats = db.stats();
    assert_eq!((stats.flushed_writes, stats.flushes, db.flush_times().count), (1, 1, 1));
    assert_eq!(db.shard_stats()[0].flushed_writes, 1);
}
