//! A write larger than the log gets past a shard that is held, past a timeout, a close and a crash.

use std::{
    fs,
    sync::{Arc, mpsc},
};

use kimdb::{Code, Database, Draft, Options, Submitted};

use crate::{
    common::{
        Held, Home, PATIENCE, all, call,
        failing::{Failing, What},
        hold, ids_of,
        observer::Witness,
        open, open_observed, record, set, until, value,
    },
    ring::{RING, tiny},
};

/// A database with one document, of which another program holds shard 1, and a batch for both shards that is larger than the
/// log, with its ids.
fn held_before_a_large_batch(home: &Home, options: Options) -> (Arc<Database>, Held, Vec<String>, Draft) {
    held_before_a_batch(home, options, 200)
}

fn held_before_a_batch(
    home: &Home,
    options: Options,
    documents: usize,
) -> (Arc<Database>, Held, Vec<String>, Draft) {
    let db = open(options);
    set(&db, "c", "before", "1");
    db.flush_wait().expect("flushes");
    let text = format!("\"{}\"", "x".repeat(300));
    let ids: Vec<String> = (0..documents).map(|i| format!("id{i}")).collect();
    let ops: Vec<_> = ids.iter().map(|id| ("c", id.as_str(), Some(text.as_str()))).collect();
    let batch = record(&db, &ops);
    (db, hold(&home.shard(1)), ids, batch)
}

#[test]
fn a_large_document_waits_for_a_shard_that_is_held() {
    let home = Home::new();
    let db = open(tiny(&home));
    let id = ids_of(&db, 0).next().expect("one");
    set(&db, "c", &id, "1");
    let held = hold(&home.shard(0));
    let large = format!("\"{}\"", "x".repeat(2 * RING as usize));
    let write = {
        let (db, id, large) = (Arc::clone(&db), id.clone(), large.clone());
        call(move || set(&db, "c", &id, &large))
    };
    until("it waits", || db.has_waiting());
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(write.is_running(), "another program's transaction is no reason to fail");
    drop(held);
    write.finish();
    assert_eq!(value(&db, "c", &id), Some((large, 2)));
}

#[test]
fn nobody_is_told_of_a_shard_that_is_held_for_a_moment_while_a_large_document_is_brought_there() {
    let home = Home::new();
    let witness = Witness::new();
    let db = open_observed(tiny(&home), &witness);
    let id = ids_of(&db, 0).next().expect("one");
    let held = hold(&home.shard(0));
    let large = format!("\"{}\"", "x".repeat(2 * RING as usize));
    let write = {
        let (db, id, large) = (Arc::clone(&db), id.clone(), large.clone());
        call(move || set(&db, "c", &id, &large))
    };
    until("it is tried again", || db.stats().retries > 1);
    drop(held);
    write.finish();
    assert_eq!(value(&db, "c", &id), Some((large, 1)));
    assert_eq!(witness.errors().len(), 0, "that is in the nature of sharing it: {:?}", witness.errors());
}

#[test]
fn writing_goes_on_after_a_shard_was_held_for_longer_than_a_large_write_may_wait() {
    let home = Home::new();
    let (db, held, ids, mut batch) =
        held_before_a_large_batch(&home, Options { write_timeout_ms: 200, ..tiny(&home) });
    let error = db.submit_wait(&mut batch).expect_err("it takes too long");
    assert!(matches!(error.code(), Code::Busy | Code::BufferFull), "{error}");
    // It counts, because one shard has it; so what comes later waits.
    let later = db.set(&db.collection("c"), "later", b"1").expect_err("it waits too long");
    assert_eq!(later.code(), Code::BufferFull, "{later}");
    // Who reads waits for neither: both callers know.
    assert!(!db.barrier(|| unreachable!("there is nothing to wait for")).expect("asks"));
    assert_eq!(value(&db, "c", "before"), Some(("1".to_owned(), 1)));
    drop(held);
    until("a write gets through", || db.set(&db.collection("c"), "after", b"1").is_ok());
    for id in &ids {
        assert_eq!(value(&db, "c", id).map(|found| found.1), Some(1), "{id}");
    }
    db.close().expect("closes");
    assert_eq!(all(&open(tiny(&home)), "c", u64::MAX).len(), 202);
}

#[test]
fn closing_while_a_large_write_is_stuck_ends_and_leaves_it_to_the_next_opening() {
    let home = Home::new();
    let (db, held, _, mut batch) =
        held_before_a_large_batch(&home, Options { write_timeout_ms: 200, ..tiny(&home) });
    db.submit(&mut batch, || Box::new(|_| ())).expect("waits");
    until("it lies beside the log", || home.path().join("app.wal.large").exists());
    let closed = {
        let db = Arc::clone(&db);
        call(move || db.close())
    };
    closed.finish().expect_err("it could not be flushed");
    drop(held);
    drop(db);
    assert_eq!(all(&open(tiny(&home)), "c", u64::MAX).len(), 201);
}

/// A crash while a large batch is in one of the two shards and not in the other. Returns its ids.
fn half_applied() -> (Home, Vec<String>) {
    let home = Home::new();
    let (db, held, ids, mut batch) = held_before_a_large_batch(&home, tiny(&home));
    db.submit(&mut batch, || Box::new(|_| ())).expect("waits");
    let has_its_part = "SELECT count(*) > 50 FROM c";
    until("the other shard has its part", || {
        db.shard_query(0, has_its_part, &[]).is_ok_and(|rows| rows.rows[0][0] == 1.into())
    });
    let image = home.crash_image();
    drop(held);
    (image, ids)
}

#[test]
fn a_large_batch_of_which_one_shard_has_its_part_is_completed() {
    let (image, ids) = half_applied();
    let witness = Witness::new();
    let db = open_observed(tiny(&image), &witness);
    assert!(ids.iter().all(|id| value(&db, "c", id).is_some_and(|found| found.1 == 1)));
    assert_eq!(witness.errors(), []);
    assert!(!image.path().join("app.wal.large").exists());
}

#[test]
fn a_large_batch_that_is_damaged_when_one_shard_has_its_part_is_told_and_kept() {
    let (image, ids) = half_applied();
    let large = image.path().join("app.wal.large");
    let mut bytes = std::fs::read(&large).expect("is there");
    bytes[8192 + 500] ^= 1;
    std::fs::write(&large, &bytes).expect("writes");
    let witness = Witness::new();
    let db = open_observed(tiny(&image), &witness);
    let there = ids.iter().filter(|id| value(&db, "c", id).is_some()).count();
    assert!((1..ids.len()).contains(&there), "{there} of them");
    assert!(
        witness.errors()[0].to_string().contains("may be missing in some shards"),
        "{:?}",
        witness.errors()
    );
    let kept = image.path().join("app.wal.large.corrupt-1");
    assert!(std::fs::read(&kept).expect("is kept") == bytes && !large.exists());
    db.close().expect("closes");
    let again = Witness::new();
    open_observed(tiny(&image), &again).close().expect("closes");
    assert_eq!(again.errors(), [], "told once");
}

#[test]
fn a_large_batch_that_is_cut_off_or_has_no_header_when_one_shard_has_its_part_is_told_and_kept() {
    let (image, ids) = half_applied();
    let large = image.path().join("app.wal.large");
    let bytes = std::fs::read(&large).expect("is there");
    let cut = [bytes.len() - 8, 8192 + 500, 8192].map(|length| bytes[..length].to_vec());
    let mut without_headers = bytes.clone();
    [40, 4096 + 40].iter().for_each(|at| without_headers[*at] ^= 1);
    for bytes in cut.into_iter().chain([without_headers]) {
        let image = image.crash_image();
        let large = image.path().join("app.wal.large");
        std::fs::write(&large, &bytes).expect("writes");
        let witness = Witness::new();
        let db = open_observed(tiny(&image), &witness);
        let there = ids.iter().filter(|id| value(&db, "c", id).is_some()).count();
        assert!((1..ids.len()).contains(&there), "{there} of them");
        let told =
            witness.errors().iter().any(|error| error.to_string().contains("may be missing in some shards"));
        assert!(
            told,
            "{} bytes: {there} of {} documents are there, and nobody is told",
            bytes.len(),
            ids.len()
        );
        let kept = image.path().join("app.wal.large.corrupt-1");
        assert!(std::fs::read(&kept).expect("is kept") == bytes && !large.exists());
    }
}

#[test]
fn what_waits_behind_a_read_behind_a_large_write_is_refused_while_the_log_is_broken() {
    let home = Home::new();
    let disk = Failing::new(What::Syncs, ".new");
    // What waits in line is to have room there.
    let wal_size = 1 << 14;
    let options = Options { wal_size, files: Arc::new(disk.clone()), ..tiny(&home) };
    let (db, held, _, mut batch) = held_before_a_batch(&home, options, 20);
    let (tell, large) = mpsc::channel();
    db.submit(&mut batch, || Box::new(move |r| drop(tell.send(r)))).expect("waits");
    until("it lies beside the log", || home.path().join("app.wal.large").exists());
    let (tell, read) = mpsc::channel();
    assert!(db.barrier(|| Box::new(move |r| drop(tell.send(r)))).expect("asks"));
    let (tell, later) = mpsc::channel();
    let mut one = record(&db, &[("c", "later", Some("1"))]);
    assert_eq!(
        db.submit(&mut one, || Box::new(move |r| drop(tell.send(r)))).expect("waits"),
        Submitted::Queued
    );
    disk.switch(true);
    fs::remove_file(home.wal()).expect("removes");
    let (tell, durable) = mpsc::channel();
    db.durable(Box::new(move |result| drop(tell.send(result)))).expect("asks");
    durable.recv_timeout(PATIENCE).expect("an answer").expect_err("the log has no file");
    drop(held);
    large.recv_timeout(PATIENCE).expect("an answer").expect("is in the shards");
    read.recv_timeout(PATIENCE).expect("an answer").expect("all before it were told");
    let told = later.recv_timeout(PATIENCE).expect("an answer");
    let image = home.crash_image();
    let found = value(&open(Options { wal_size, ..tiny(&image) }), "c", "later");
    assert!(told.is_err() || found.is_some(), "acknowledged and lost");
}

#[test]
fn large_writes_get_a_log_that_was_removed_or_cut_anew() {
    for is_cut in [false, true] {
        let home = Home::new();
        let witness = Witness::new();
        let db = open_observed(tiny(&home), &witness);
        let large = format!("\"{}\"", "x".repeat(2 * RING as usize));
        set(&db, "c", "a", &large);
        db.flush_wait().expect("flushes");
        // Nothing else has to be synced, or that would find out.
        std::thread::sleep(std::time::Duration::from_millis(500));
        if is_cut {
            // Behind everything that is in it.
            fs::OpenOptions::new()
                .write(true)
                .open(home.wal())
                .expect("opens")
                .set_len(8192 + RING / 2)
                .expect("cuts");
        } else {
            fs::remove_file(home.wal()).expect("removes");
        }
        for id in ["b", "c"] {
            db.set(&db.collection("c"), id, large.as_bytes()).expect("writes");
            assert_eq!(&fs::read(home.wal()).expect("is there")[..8], b"KIMDBLOG");
        }
        assert_eq!(witness.errors().len(), 1, "told once");
        drop(db);
        let db = open(tiny(&home));
        for id in ["a", "b", "c"] {
            assert_eq!(value(&db, "c", id), Some((large.clone(), 1)));
        }
    }
}

#[test]
fn a_large_batch_that_is_cut_off_before_any_shard_has_its_part_is_told_and_kept() {
    let home = Home::new();
    let (db, held, _, mut batch) = held_before_a_large_batch(&home, tiny(&home));
    let held_too = hold(&home.shard(0));
    db.submit(&mut batch, || Box::new(|_| ())).expect("waits");
    let large = home.path().join("app.wal.large");
    // Shards are tried once it counts.
    let before = db.stats().retries;
    until("it lies beside the log", || large.exists() && db.stats().retries > before);
    let image = home.crash_image();
    drop((held, held_too));
    let large = image.path().join("app.wal.large");
    let length = fs::metadata(&large).expect("is there").len();
    fs::OpenOptions::new().write(true).open(&large).expect("opens").set_len(length - 8).expect("cuts");
    let witness = Witness::new();
    drop(open_observed(tiny(&image), &witness));
    let is_it = |error: &kimdb::Error| error.to_string().contains("may be missing in some shards");
    assert!(witness.errors().iter().any(is_it), "{:?}", witness.errors());
    assert!(image.path().join("app.wal.large.corrupt-1").exists());
}

#[test]
fn a_large_write_that_is_done_removes_no_other_that_has_taken_its_name() {
    let home = Home::new();
    let (ours, theirs) = (home.path().join("ours"), home.path().join("theirs"));
    let place = home.path().join("current");
    [&ours, &theirs].into_iter().for_each(|folder| fs::create_dir(folder).expect("makes"));
    std::os::unix::fs::symlink(&ours, &place).expect("links");
    let options = Options { wal_path: place.join("app.wal"), ..tiny(&home) };
    let (db, held, ids, mut batch) = held_before_a_large_batch(&home, options);
    db.submit(&mut batch, || Box::new(|_| ())).expect("waits");
    until("it lies beside the log", || {
        db.shard_query(0, "SELECT count(*) > 50 FROM c", &[]).is_ok_and(|rows| rows.rows[0][0] == 1.into())
    });
    fs::write(theirs.join("app.wal.large"), "theirs").expect("writes");
    fs::remove_file(&place).expect("removes");
    std::os::unix::fs::symlink(&theirs, &place).expect("links");
    drop(held);
    until("it is everywhere", || ids.iter().all(|id| value(&db, "c", id).is_some()) && !db.has_waiting());
    assert_eq!(fs::read(theirs.join("app.wal.large")).expect("is there"), b"theirs");
    drop(db.close());
}

#[test]
fn a_large_write_takes_no_name_from_another_database_or_a_file_of_somebody_else() {
    let home = Home::new();
    let place = home.path().join("app.wal.large");
    let theirs = Options { wal_path: place.clone(), ..Options::new(home.path().join("theirs")) };
    let db = open(theirs.clone());
    set(&db, "c", "a", "1");
    db.close().expect("closes");
    drop(db);
    let log = fs::read(&place).expect("is there");
    let large = format!("\"{}\"", "x".repeat(2 * RING as usize));
    for bytes in [&log[..], b"somebody's"] {
        fs::write(&place, bytes).expect("writes");
        let db = open(tiny(&home));
        let error = db.set(&db.collection("c"), "large", large.as_bytes()).expect_err("has no place");
        assert_eq!(error.code(), Code::Io, "{error}");
        assert!(error.to_string().contains("another file has its name"), "{error}");
        assert!(fs::read(&place).expect("is there") == bytes);
        set(&db, "c", "small", "1");
        fs::remove_file(&place).expect("removes");
        set(&db, "c", "large", &large);
        db.close().expect("closes");
    }
    // What is left of a large write that was killed at its beginning goes.
    for bytes in [vec![], vec![0; 10_000]] {
        fs::write(&place, bytes).expect("writes");
        open(tiny(&home)).close().expect("closes");
        assert!(!place.exists());
    }
}
