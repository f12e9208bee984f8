//! A database whose log is written by system calls and takes its time, or fails.

use std::{
    fs,
    path::Path,
    sync::{Arc, atomic::Ordering, mpsc},
    thread,
    time::Duration,
};

use rusqlite::Connection;

use crate::engine::{
    Backend, Code, Database, Options, Result, Submitted,
    io::gated::Gated,
    log::{Draft, Kind},
    until::{PATIENCE, until},
};

/// So large that five are written at once.
const LARGE: usize = 200 << 10;

/// Where records begin in the log, behind its headers.
const RING: u64 = 8 << 10;

struct Setup {
    // NOTE: before the folder.
    db: Arc<Database>,
    files: Gated,
    folder: tempfile::TempDir,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Gated::default();
        let options = Options {
            shard_count: 1,
            wal_size: 8 << 20,
            wal_backend: Backend::Pwrite,
            files: Arc::new(files.clone()),
            ..Options::new(folder.path().join("app"))
        };
        let db = Arc::new(Database::open(options, None).expect("opens"));
        Setup { db, files, folder }
    }

    /// Writes a document of so many bytes, and tells through the channel how it ended.
    fn submit(&self, id: &str, bytes: usize, ended: &mpsc::Sender<Result<()>>) -> Submitted {
        let collection = self.db.collection("c");
        collection.claim();
        let mut draft = Draft::default();
        draft.clear();
        let text = format!("\"{}\"", "x".repeat(bytes));
        draft.push(Kind::Upsert, collection.number, "c", id, text.as_bytes());
        let ended = ended.clone();
        let done = || -> crate::engine::log::Done { Box::new(move |result| drop(ended.send(result))) };
        self.db.submit(&mut draft, done).expect("is taken")
    }

    /// The same of one that has to wait.
    fn queue(&self, id: &str, bytes: usize, ended: &mpsc::Sender<Result<()>>) {
        assert_eq!(self.submit(id, bytes, ended), Submitted::Queued);
    }

    fn has(&self, id: &str) -> bool {
        let mut text = Vec::new();
        self.db.get(&self.db.collection("c"), id, &mut text).expect("reads").is_some()
    }
}

#[test]
fn while_the_log_is_slow_writes_of_all_sizes_keep_their_order_and_reach_the_shards() {
    let setup = Setup::new();
    let (tell, ended) = mpsc::channel();
    let gate = setup.files.gate.lock();
    setup.queue("on its way", 10, &tell);
    until("it is being written", || setup.db.stats().waiting_bytes == 0);
    // Too large for the log: brought to its shard by itself, but not before what was called earlier.
    setup.queue("too large", 3 << 20, &tell);
    setup.queue("after it", 10, &tell);
    thread::sleep(Duration::from_millis(50));
    assert!(ended.try_recv().is_err(), "nothing is done before the first");
    drop(gate);
    (0..3).for_each(|_| ended.recv_timeout(PATIENCE).expect("it hangs").expect("is written"));
    setup.db.flush_wait().expect("flushes");
    setup.db.clear_cache();
    assert!(["on its way", "too large", "after it"].iter().all(|id| setup.has(id)));
    assert_eq!(setup.db.stats().buffer_size, 0);
}

#[test]
fn what_gets_into_a_full_log_is_flushed_in_time_however_slowly_it_is_written() {
    let setup = Setup::new();
    let (tell, ended) = mpsc::channel();
    setup.db.set(&setup.db.collection("c"), "first", b"1").expect("writes");
    setup.db.flush_wait().expect("flushes");
    // Another program holds the shard until the log is full and something waits.
    let other = Connection::open(setup.db.shard_path(0).expect("is open")).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("holds it");
    let is_full = || setup.db.stats().waiting_bytes > 0;
    for i in (0..).take_while(|_| !is_full()) {
        setup.submit(&format!("id{i}"), LARGE, &tell);
    }
    setup.files.gate_from.store(RING, Ordering::Relaxed);
    let is_being_written = || setup.files.calls.lock().iter().any(|&(from, _)| from >= RING);
    setup.files.calls.lock().clear();
    let gate = setup.files.gate.lock();
    other.execute_batch("ROLLBACK").expect("lets go");
    until("the waiting one is being written", is_being_written);
    // Meanwhile the scheduler finds nothing to do.
    thread::sleep(Duration::from_millis(300));
    drop(gate);
    drop(tell);
    ended.iter().for_each(|ended| ended.expect("is written"));
    until("all is flushed", || setup.db.stats().buffer_size == 0);
}

#[test]
fn a_read_behind_writes_that_a_broken_log_refuses_goes_on() {
    let setup = Setup::new();
    let (tell, ended) = mpsc::channel();
    let (read, reads) = mpsc::channel();
    let mut gate = setup.files.gate.lock();
    (0..30).for_each(|i| setup.queue(&i.to_string(), LARGE, &tell));
    let waits = setup.db.barrier(|| Box::new(move |result| drop(read.send(result)))).expect("is open");
    assert!(waits);
    *gate = true;
    drop(gate);
    (0..30).for_each(|_| drop(ended.recv_timeout(PATIENCE).expect("it hangs").expect_err("is broken")));
    reads.recv_timeout(PATIENCE).expect("it hangs").expect("what was refused need not be seen");
    *setup.files.gate.lock() = false;
}

#[test]
fn what_waits_for_a_log_that_fails_is_told_and_service_goes_on() {
    let setup = Setup::new();
    let (tell, ended) = mpsc::channel();
    let mut gate = setup.files.gate.lock();
    (0..30).for_each(|i| setup.queue(&i.to_string(), LARGE, &tell));
    until("some are being written", || setup.db.stats().waiting_bytes < 30 * LARGE as u64);
    *gate = true;
    drop(gate);
    for _ in 0..30 {
        let error = ended.recv_timeout(PATIENCE).expect("it hangs").expect_err("the log is broken");
        assert_eq!(error.code(), Code::Io);
    }
    assert!(setup.db.flush_wait().is_ok(), "nothing is left to flush");
    *setup.files.gate.lock() = false;
    let collection = setup.db.collection("c");
    until("there is another file", || setup.db.set(&collection, "later", b"1").is_ok());
    setup.db.flush_wait().expect("flushes");
    assert!(setup.has("later") && !setup.has("29"));
}

#[test]
fn closing_brings_what_waits_for_a_slow_log_to_the_shards() {
    let setup = Setup::new();
    let (tell, ended) = mpsc::channel();
    let gate = setup.files.gate.lock();
    (0..20).for_each(|i| setup.queue(&i.to_string(), LARGE, &tell));
    let closes = thread::spawn({
        let db = Arc::clone(&setup.db);
        move || db.close()
    });
    thread::sleep(Duration::from_millis(20));
    drop(gate);
    closes.join().expect("no panic").expect("closes");
    (0..20).for_each(|_| ended.recv_timeout(PATIENCE).expect("it hangs").expect("is written"));
}

#[test]
fn who_waits_for_a_large_record_is_told_of_a_panic() {
    let setup = Setup::new();
    let (tell, ended) = mpsc::channel();
    *setup.files.panicking.lock() = Some(".large");
    setup.queue("too large", 3 << 20, &tell);
    let error = ended.recv_timeout(PATIENCE).expect("it hangs").expect_err("the file system is broken");
    assert!(error.to_string().contains("a defect of the file system"), "{error}");
    assert_eq!(error.code(), Code::Internal);
    let refused = setup.db.set(&setup.db.collection("c"), "later", b"1");
    assert_eq!(refused.map_err(|error| error.code()), Err(Code::Internal));
}

#[test]
fn a_large_record_that_counts_is_tried_again_after_a_panic() {
    let setup = Setup::new();
    let (tell, ended) = mpsc::channel();
    let gate = setup.files.gate.lock();
    setup.queue("too large", 3 << 20, &tell);
    let is_large = |name: &Path| name.extension().is_some_and(|end| end == "large");
    let names = || fs::read_dir(&setup.folder).expect("reads").map(|entry| entry.expect("reads").path());
    until("it is being put beside the log", || names().any(|name| is_large(&name)));
    // From now on only the shard is synced.
    *setup.files.panicking.lock() = Some("-wal");
    drop(gate);
    until("it has failed", || setup.db.stats().retries > 0);
    assert!(ended.try_recv().is_err(), "it is not on the disk of the shard yet");
    *setup.files.panicking.lock() = None;
    ended.recv_timeout(PATIENCE).expect("it hangs").expect("is written");
    assert!(setup.has("too large"));
}
