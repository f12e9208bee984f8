//! Reads of what is buffered only because another shard is held and lacks its part, while others write to the shard that has it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Attempt, Database, Options};

/// A database of two shards that flushes only when it is asked to.
fn open(batch_size: usize) -> (TempDir, Database) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        shard_count: 2,
        shard_count_is_default: false,
        flush_interval_ms: 1 << 30,
        batch_size,
        ..Options::new(folder.path().join("db"))
    };
    let db = Database::open(options, None).expect("opens");
    (folder, db)
}

/// As long as it is there, the second shard takes nothing.
fn hold_second(db: &Database) -> Connection {
    let held = Connection::open(db.shard_path(1).expect("a path")).expect("opens");
    held.execute_batch("BEGIN IMMEDIATE").expect("takes the lock");
    held
}

#[test]
fn what_was_written_is_read_while_changes_of_others_are_noticed() {
    const TIME: Duration = Duration::from_millis(70);
    let (_folder, db) = open(1);
    let docs = db.collection("docs");
    let (mut written, mut others): (Vec<_>, Vec<_>) =
        (0..400).map(|i| format!("id{i}")).partition(|id| db.shard_of(id) == 0);
    let elsewhere = others.pop().expect("one");
    let set = |id: &str, text: u64| db.set(&docs, id, text.to_string().as_bytes()).expect("writes");
    written.truncate(150);
    written.iter().chain([&elsewhere]).for_each(|id| set(id, 0));
    db.flush_wait().expect("flushes");
    let _held = hold_second(&db);
    set(&elsewhere, 1);
    let (newest, ends, old) = (AtomicU64::new(0), AtomicBool::new(false), AtomicU64::new(0));
    let core = db.shared_core().expect("open");
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                // As if somebody else wrote all the time.
                core.shards[0].has_outside_changes();
                core.forget(0);
            }
        });
        for from in [0, 40, 80, 120] {
            let (written, newest, ends, old, db, docs) = (&written, &newest, &ends, &old, &db, &docs);
            scope.spawn(move || {
                let (mut text, mut at) = (Vec::new(), from);
                while !ends.load(Ordering::Relaxed) {
                    at = (at + 1) % written.len();
                    let acknowledged = newest.load(Ordering::Acquire);
                    db.get(docs, &written[at], &mut text).expect("reads").expect("is there");
                    let found = str::from_utf8(&text).expect("UTF-8").parse::<u64>().expect("a number");
                    old.fetch_add(u64::from(found < acknowledged), Ordering::Relaxed);
                }
            });
        }
        for round in 1..30 {
            written.iter().for_each(|id| set(id, round));
            newest.store(round, Ordering::Release);
            db.flush(Box::new(|_| ())).expect("begins");
            thread::sleep(TIME);
        }
        ends.store(true, Ordering::Relaxed);
    });
    assert_eq!(old.load(Ordering::Relaxed), 0, "reads found what was older than what had been written");
}

#[test]
fn who_must_not_wait_gets_an_answer_behind_a_deletion_that_others_wrote_after() {
    let (_folder, db) = open(0);
    let docs = db.collection("docs");
    let mut ids: Vec<_> = (0..100).map(|i| format!("id{i}")).collect();
    ids.sort_by_key(|id| db.shard_of(id));
    let [id, other, .., elsewhere] = &ids[..] else { unreachable!("there are many") };
    let set = |id: &str, text: &[u8]| db.set(&docs, id, text).expect("writes");
    set(id, b"1");
    set(elsewhere, b"1");
    db.flush_wait().expect("flushes");
    let _held = hold_second(&db);
    let core = db.shared_core().expect("open");
    let flush_the_first = || {
        set(other, b"2");
        set(elsewhere, b"2");
        db.flush(Box::new(|_| ())).expect("begins");
        let (head, start) = (core.log.head(), Instant::now());
        while core.shards[0].applied() < head {
            assert!(start.elapsed() < Duration::from_secs(30), "the first shard takes nothing");
            thread::sleep(Duration::from_millis(1));
        }
    };
    // The disk of the first is known to be fast.
    core.paces[0].learn_from(&*core.shards[0], || ());
    // More than who must not wait indexes.
    (0..20).for_each(|_| set(elsewhere, &[b'1'; 20_000]));
    flush_the_first();
    db.delete(&docs, id).expect("deletes");
    flush_the_first();
    core.forget(0);
    set(id, b"3");
    let (told, answer) = mpsc::channel();
    let (core, docs, id) = (Arc::clone(core), Arc::clone(&docs), id.clone());
    thread::spawn(move || {
        let found = core.try_read(&docs, &id, &mut Vec::new());
        let _ = told.send(found.expect("reads"));
    });
    let answer = answer.recv_timeout(Duration::from_secs(10)).expect("it ends");
    assert!(matches!(answer, Attempt::Done(Some(found)) if found.version == 1), "{answer:?}");
}
