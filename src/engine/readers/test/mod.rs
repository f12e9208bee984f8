//! Reader threads on an open database: what they answer, in what order, and how they end.

mod lists;

use std::{
    sync::{Arc, atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use super::{Read, THREADS};
use crate::engine::{
    Attempt, Code, Database, Document, Options, Result, read::Wait, shard::collection::Collection,
    until::PATIENCE,
};

const SHARDS: u32 = 8;

fn open(folder: &tempfile::TempDir) -> Database {
    // No flush but those asked for.
    let options = Options {
        shard_count: SHARDS,
        buffer_size: u64::MAX >> 1,
        flush_interval_ms: 1 << 40,
        ..Options::new(folder.path().join("db"))
    };
    Database::open(options, None).expect("opens")
}

/// A database with so many documents in the shards, which nobody has read.
fn stored(folder: &tempfile::TempDir, count: usize) -> (Database, Arc<Collection>) {
    let db = open(folder);
    let users = db.collection("users");
    for i in 0..count {
        db.set(&users, &format!("u{i}"), i.to_string().as_bytes()).expect("writes");
    }
    db.flush_wait().expect("flushes");
    (db, users)
}

/// Has a document read and waits for it.
fn later(db: &Database, collection: &Arc<Collection>, id: &str) -> Result<Option<Read>> {
    let (tell, told) = mpsc::channel();
    db.get_later(collection, id, Wait::Disk, move |read| tell.send(read).expect("somebody waits"))?;
    told.recv_timeout(PATIENCE).expect("an answer")
}

fn read(text: &str, version: u64, buffered: bool) -> Option<Read> {
    Some(Read { document: Document { version, buffered, cached: false }, text: text.into() })
}

/// Makes every shard a slow one, as a read would that took long.
fn slow_down(db: &Database) {
    let paces = &db.shared_core().expect("open").paces;
    paces.iter().for_each(|pace| pace.note(Duration::from_secs(1), false));
}

/// Has missing documents read until the shard counts as fast. On a busy machine reads of memory may look slow, too.
fn until_fast(db: &Database, collection: &Arc<Collection>, id: &str) {
    let deadline = Instant::now() + PATIENCE;
    while db.try_get(collection, id, &mut Vec::new()) == Ok(Attempt::WouldWait(Wait::Disk)) {
        assert!(Instant::now() < deadline, "it never counts as fast");
        assert_eq!(later(db, collection, id), Ok(None));
    }
}

#[test]
fn the_first_read_of_a_shard_is_left_to_the_threads_and_the_others_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 100);
    let mut text = Vec::new();
    assert_eq!(db.try_get(&users, "u0", &mut text), Ok(Attempt::WouldWait(Wait::Disk)));
    assert_eq!(later(&db, &users, "u0"), Ok(read("0", 1, false)));
    let shard = db.shard_of("u0");
    let missing =
        (0..).map(|i| format!("missing{i}")).find(|id| db.shard_of(id) == shard).expect("there are many");
    until_fast(&db, &users, &missing);
}

#[test]
fn a_slow_read_is_forgotten_even_if_all_that_is_read_is_in_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 10);
    until_fast(&db, &users, "nobody");
    slow_down(&db);
    assert_eq!(db.try_get(&users, "nobody", &mut Vec::new()), Ok(Attempt::WouldWait(Wait::Disk)));
    until_fast(&db, &users, "nobody");
}

#[test]
fn what_is_in_memory_is_read_at_once_however_slow_the_disk_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 10);
    slow_down(&db);
    let mut text = Vec::new();
    let cached = later(&db, &users, "u1").expect("reads");
    assert_eq!(cached, read("1", 1, false));
    let found = |version, buffered, cached| Ok(Attempt::Done(Some(Document { version, buffered, cached })));
    assert_eq!(db.try_get(&users, "u1", &mut text), found(1, false, true));
    // How often a document was written before a flush is in its shard, and known from then on.
    db.set(&users, "u2", b"22").expect("writes");
    assert_eq!(db.try_get(&users, "u2", &mut text), Ok(Attempt::WouldWait(Wait::Disk)));
    assert_eq!(later(&db, &users, "u2"), Ok(read("22", 2, true)));
    assert_eq!(db.try_get(&users, "u2", &mut text), found(2, true, false));
    db.delete(&users, "u3").expect("writes");
    assert_eq!(db.try_get(&users, "u3", &mut text), Ok(Attempt::Done(None)));
    db.set(&users, "u3", b"33").expect("writes");
    assert_eq!(db.try_get(&users, "u3", &mut text), found(1, true, false));
}

#[test]
fn a_miss_is_counted_once_whoever_reads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 10);
    slow_down(&db);
    assert_eq!(db.try_get(&users, "u1", &mut Vec::new()), Ok(Attempt::WouldWait(Wait::Disk)));
    assert_eq!(later(&db, &users, "u1"), Ok(read("1", 1, false)));
    assert_eq!(later(&db, &users, "nobody"), Ok(None));
    assert_eq!((db.stats().cache_misses, db.stats().cache_hits), (2, 0));
}

#[test]
fn a_read_sees_every_write_called_before_it_and_no_thread_is_started_without_need() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 1000);
    let threads = || db.shared_core().expect("open").readers.state.lock().threads.len();
    assert_eq!(threads(), 0);
    let (tell, told) = mpsc::channel();
    for i in 0..1000 {
        let id = format!("u{i}");
        db.set(&users, &id, (i + 5000).to_string().as_bytes()).expect("writes");
        let tell = tell.clone();
        db.get_later(&users, &id, Wait::Disk, move |read| tell.send((i, read)).expect("somebody waits"))
            .expect("open");
    }
    for _ in 0..1000 {
        let (i, found) = told.recv_timeout(PATIENCE).expect("an answer");
        let found = found.expect("reads").expect("it is there");
        assert_eq!((found.text, found.document.version), ((i + 5000).to_string().into_bytes(), 2));
    }
    assert!((1..=THREADS).contains(&threads()), "{} threads", threads());
}

#[test]
fn closing_answers_every_read_one_way_or_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 5000);
    let (tell, told) = mpsc::channel();
    for i in 0..5000 {
        let tell = tell.clone();
        let done = move |read: Result<Option<Read>>| tell.send((i, read)).expect("somebody waits");
        db.get_later(&users, &format!("u{i}"), Wait::Disk, done).expect("open");
    }
    db.close().expect("closes");
    drop(tell);
    let mut answers = 0;
    for (i, read) in told {
        answers += 1;
        match read {
            Ok(read) => assert_eq!(read.expect("it is there").text, i.to_string().into_bytes()),
            Err(error) => assert_eq!(error.code(), Code::Closed),
        }
    }
    assert_eq!(answers, 5000);
    assert_eq!(
        db.get_later(&users, "u1", Wait::Disk, |_| unreachable!("it is closed")).map_err(|e| e.code()),
        Err(Code::Closed)
    );
}

#[test]
fn what_a_closed_instance_asked_for_is_not_read_while_others_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 100);
    let closing = open(&folder);
    let shard = db.shard_of("u0");
    // The thread that goes through the shard's lane waits in the first answer.
    let ((tell_begun, begun), (go_on, may_go_on)) = (mpsc::channel(), mpsc::channel());
    let first = move |read: Result<Option<Read>>| {
        tell_begun.send(read).expect("somebody waits");
        may_go_on.recv_timeout(PATIENCE).expect("it is told to");
    };
    db.get_later(&users, "u0", Wait::Disk, first).expect("open");
    assert!(begun.recv_timeout(PATIENCE).expect("an answer").is_ok());
    let (tell, told) = mpsc::channel();
    let ids: Vec<String> = (1..100).map(|i| format!("u{i}")).filter(|id| db.shard_of(id) == shard).collect();
    assert!(ids.len() > 1);
    for id in &ids {
        let tell = tell.clone();
        closing
            .get_later(&closing.collection("users"), id, Wait::Disk, move |read| {
                tell.send(read).expect("somebody waits")
            })
            .expect("open");
    }
    closing.close().expect("closes");
    go_on.send(()).expect("it waits");
    for _ in &ids {
        let answer = told.recv_timeout(PATIENCE).expect("an answer");
        assert_eq!(answer.map_err(|error| error.code()), Err(Code::Closed));
    }
    assert!(later(&db, &users, &ids[0]).expect("reads").is_some(), "the other one is open");
}

#[test]
fn a_read_that_comes_when_the_threads_have_ended_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 10);
    db.shared_core().expect("open").readers.stop();
    assert_eq!(later(&db, &users, "u1").map_err(|error| error.code()), Err(Code::Closed));
    assert!(db.shared_core().expect("open").readers.stopping.load(Ordering::Acquire));
    assert!(db.get(&users, "u1", &mut Vec::new()).expect("reads").is_some(), "who waits needs no thread");
}

#[test]
fn what_another_process_may_have_made_is_looked_for_by_the_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, _) = stored(&folder, 10);
    let nobody = db.collection("never written");
    let mut text = Vec::new();
    assert_eq!(db.try_get(&nobody, "n1", &mut text), Ok(Attempt::WouldWait(Wait::Disk)));
    assert_eq!(later(&db, &nobody, "n1"), Ok(None));
    assert_eq!(db.try_get(&nobody, "n1", &mut text), Ok(Attempt::Done(None)), "from now on it is known");
}

#[test]
fn who_panics_when_called_back_keeps_nobody_else_from_an_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 10);
    // The others are in the same batch, because the thread waits in the first answer.
    let (go_on, may_go_on) = mpsc::channel();
    let first = move |_: Result<Option<Read>>| {
        may_go_on.recv_timeout(PATIENCE).expect("it is told to");
        panic!("the program's own");
    };
    db.get_later(&users, "u0", Wait::Disk, first).expect("open");
    let (tell, told) = mpsc::channel();
    for number in 0..4 {
        let tell = tell.clone();
        let done = move |read: Result<Option<Read>>| {
            assert!(number % 2 == 1, "the program's own");
            tell.send(read).expect("somebody waits");
        };
        db.get_later(&users, "u0", Wait::Disk, done).expect("open");
    }
    go_on.send(()).expect("it waits");
    for _ in 0..2 {
        assert!(told.recv_timeout(PATIENCE).expect("an answer").expect("reads").is_some());
    }
    assert!(later(&db, &users, "u0").expect("reads").is_some(), "the lane is free again");

    db.newest("users", 5, |_| panic!("the program's own")).expect("open");
    let (tell, told) = mpsc::channel();
    db.newest("users", 5, move |texts| tell.send(texts).expect("somebody waits")).expect("open");
    assert_eq!(told.recv_timeout(PATIENCE).expect("an answer").expect("reads").count(), 1);
}

#[test]
fn what_is_buffered_is_found_while_all_threads_of_shards_are_stuck() {
    let folder = tempfile::tempdir().expect("a folder");
    let (db, users) = stored(&folder, 100);
    let mut shards: Vec<u32> = Vec::new();
    let ids = (0..100).map(|i| format!("u{i}"));
    let one_of_each: Vec<String> = ids
        .filter(|id| {
            let is_new = !shards.contains(&db.shard_of(id));
            shards.extend(is_new.then(|| db.shard_of(id)));
            is_new
        })
        .collect();
    assert!(one_of_each.len() > THREADS, "some have to wait for a thread");
    let (tell_begun, begun) = mpsc::channel();
    let mut stuck = Vec::new();
    for id in &one_of_each {
        let (tell_begun, (go_on, may_go_on)) = (tell_begun.clone(), mpsc::channel::<()>());
        let done = move |_| {
            tell_begun.send(()).expect("somebody waits");
            // Until the other end is dropped.
            let _ = may_go_on.recv_timeout(PATIENCE);
        };
        db.get_later(&users, id, Wait::Disk, done).expect("open");
        stuck.push(go_on);
    }
    (0..THREADS).for_each(|_| begun.recv_timeout(PATIENCE).expect("a thread is at it"));
    // Both of a shard whose thread is stuck and of one that waits for a thread.
    for id in &one_of_each {
        db.delete(&users, id).expect("writes");
        db.set(&users, id, b"1").expect("writes");
    }
    (0..2000).for_each(|i| db.set(&users, &format!("v{i}"), &[b'1'; 200]).expect("writes"));
    assert_eq!(db.try_get(&users, &one_of_each[0], &mut Vec::new()), Ok(Attempt::WouldWait(Wait::Index)));
    let (tell, told) = mpsc::channel();
    for id in &one_of_each {
        let tell = tell.clone();
        db.get_later(&users, id, Wait::Index, move |read| tell.send(read).expect("somebody waits"))
            .expect("open");
    }
    for _ in &one_of_each {
        assert_eq!(told.recv_timeout(PATIENCE).expect("an answer"), Ok(read("1", 1, true)));
    }
    let found = Document { version: 1, buffered: true, cached: false };
    assert_eq!(db.try_get(&users, &one_of_each[0], &mut Vec::new()), Ok(Attempt::Done(Some(found))));
    assert!(begun.try_recv().is_err(), "no further thread is at a shard");
    drop(stuck);
}
