//! Closing while calls are on their way: every call ends, and what was acknowledged is kept.

mod common;

use std::{
    fs::File,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use common::{Home, PATIENCE, all, call, fill, get, hold, ids_of, open, record, set, value};
use kimdb::{Code, Options, Result};
use rusqlite::Connection;

fn tiny(home: &Home) -> Options {
    Options { shard_count: 2, wal_size: 1 << 14, ..home.options() }
}

/// Fails unless the call succeeded or came too late.
fn in_time(result: &Result<()>) -> bool {
    match result {
        Ok(()) => true,
        Err(error) if error.code() == Code::Closed => false,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn dropping_the_last_handle_flushes_as_closing_does() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "1");
    drop(db);
    let db = home.open();
    assert_eq!((db.recovered(), value(&db, "c", "a")), (0, Some(("1".to_owned(), 1))));
}

#[test]
fn every_question_gets_an_answer_when_the_database_closes() {
    for _ in 0..20 {
        let home = Home::new();
        let db = home.open();
        set(&db, "c", "a", "1");
        let (tell, told) = flume::unbounded();
        for _ in 0..20 {
            let tell = tell.clone();
            db.newest("c", 9, move |result| drop(tell.send(result.map(drop)))).expect("asks");
        }
        for _ in 0..20 {
            let tell = tell.clone();
            db.flush(Box::new(move |result| drop(tell.send(result)))).expect("asks");
        }
        let closing = Arc::clone(&db);
        call(move || closing.close()).finish().expect("closes");
        for _ in 0..40 {
            in_time(&told.recv_timeout(PATIENCE).expect("an answer"));
        }
    }
}

#[test]
fn writers_are_stopped_by_the_close_of_their_handle_and_lose_nothing() {
    for round in 0..20 {
        let home = Home::new();
        let options = Options { wal_size: 1 << 15, ..home.busy_options() };
        let db = open(options.clone());
        let acknowledged: Vec<Arc<AtomicU64>> = (0..4).map(|_| Arc::default()).collect();
        let writers: Vec<_> = (0..4)
            .map(|thread| {
                let (db, acknowledged) = (Arc::clone(&db), Arc::clone(&acknowledged[thread]));
                call(move || {
                    let c = db.collection("c");
                    for i in 1.. {
                        let id = format!("thread{thread}");
                        let text = i.to_string();
                        let result = match thread {
                            // Some wait for the disk.
                            0 | 1 => db.submit_durable_wait(&mut record(&db, &[("c", &id, Some(&text))])),
                            _ => db.set(&c, &id, text.as_bytes()),
                        };
                        if !in_time(&result) {
                            return;
                        }
                        acknowledged.store(i, Ordering::Release);
                    }
                })
            })
            .collect();
        common::until("everybody writes", || {
            acknowledged.iter().all(|count| count.load(Ordering::Acquire) > round)
        });
        let closing = Arc::clone(&db);
        call(move || closing.close()).finish().expect("closes");
        writers.into_iter().for_each(|writer| writer.finish());
        drop(db);
        let db = open(options);
        for (thread, acknowledged) in acknowledged.iter().enumerate() {
            let acknowledged = acknowledged.load(Ordering::Acquire);
            let (text, version) = value(&db, "c", &format!("thread{thread}")).expect("is there");
            assert_eq!(text, version.to_string(), "nothing was applied twice or left out");
            // One more may have been on its way.
            assert!((acknowledged..=acknowledged + 1).contains(&version), "{version} of {acknowledged}");
        }
    }
}

#[test]
fn closing_with_a_full_log_ends_every_waiting_write() {
    let home = Home::new();
    let db = open(tiny(&home));
    let held = hold(&home.shard(0));
    let filled = fill(&db, "c", ids_of(&db, 0), "\"some text that fills the log\"");
    let text = format!("\"{}\"", "x".repeat(1500));
    let writers: Vec<_> = (0..30)
        .map(|thread| {
            let (db, text) = (Arc::clone(&db), text.clone());
            call(move || in_time(&db.set(&db.collection("c"), &format!("thread{thread}"), text.as_bytes())))
        })
        .collect();
    // Some wait in line and some before it.
    common::until("the line is full", || db.stats().waiting_bytes >= 1 << 14);
    let closing = Arc::clone(&db);
    let close = call(move || closing.close());
    common::until("it is closing", || get_code(&db) == Some(Code::Closed));
    drop(held);
    close.finish().expect("closes");
    let kept: Vec<bool> = writers.into_iter().map(|writer| writer.finish()).collect();
    drop(db);
    let db = open(tiny(&home));
    for id in &filled {
        assert!(value(&db, "c", id).is_some(), "{id}");
    }
    for (thread, kept) in kept.into_iter().enumerate() {
        assert_eq!(value(&db, "c", &format!("thread{thread}")).is_some(), kept, "thread {thread}");
    }
}

fn get_code(db: &kimdb::Database) -> Option<Code> {
    db.get(&db.collection("c"), "a", &mut Vec::new()).err().map(|error| error.code())
}

#[test]
fn the_last_handle_may_go_while_its_writes_wait() {
    let home = Home::new();
    let db = open(tiny(&home));
    let held = hold(&home.shard(0));
    let filled = fill(&db, "c", ids_of(&db, 0), "\"some text that fills the log\"");
    let (tell, told) = flume::bounded(1);
    db.submit_durable(
        &mut record(&db, &[("c", "late", Some("1"))]),
        Box::new(move |result| drop(tell.send(result))),
    )
    .expect("taken");
    let dropping = call(move || drop(db));
    drop(held);
    assert!(in_time(&told.recv_timeout(PATIENCE).expect("an answer")));
    dropping.finish();
    let db = open(tiny(&home));
    assert_eq!(value(&db, "c", "late"), Some(("1".to_owned(), 1)));
    assert_eq!(all(&db, "c", u64::MAX).len(), filled.len() + 1);
}

#[test]
fn a_callback_may_drop_the_last_handle() {
    for _ in 0..10 {
        let home = Home::new();
        let db = home.open();
        let (tell, told) = flume::bounded(1);
        let last = Arc::clone(&db);
        // Neither closing nor flushing may wait for the thread that this runs on.
        let done = move |result: Result<()>| {
            thread::spawn(move || drop(last));
            drop(tell.send(result));
        };
        db.submit_durable(&mut record(&db, &[("c", "a", Some("1"))]), Box::new(done)).expect("writes");
        drop(db);
        in_time(&told.recv_timeout(PATIENCE).expect("an answer"));
        let db = home.open();
        assert_eq!(value(&db, "c", "a"), Some(("1".to_owned(), 1)));
    }
}

#[test]
fn reads_end_when_the_database_closes() {
    for _ in 0..10 {
        let home = Home::new();
        let db = home.open_busy();
        for i in 0..50 {
            set(&db, "c", &format!("id{i}"), "1");
        }
        db.flush_wait().expect("flushes");
        db.clear_cache();
        let readers: Vec<_> = (0..3)
            .map(|reader| {
                let db = Arc::clone(&db);
                call(move || {
                    for i in (reader..).map(|i| i % 50) {
                        let result = db.get(&db.collection("c"), &format!("id{i}"), &mut Vec::new());
                        if let Ok(found) = &result {
                            assert!(found.is_some(), "document {i}");
                        }
                        if !in_time(&result.map(drop)) {
                            return;
                        }
                        db.clear_cache();
                    }
                })
            })
            .collect();
        common::until("they read", || db.stats().cache_misses > 100);
        let closing = Arc::clone(&db);
        call(move || closing.close()).finish().expect("closes");
        readers.into_iter().for_each(|reader| reader.finish());
    }
}

#[test]
fn opening_again_waits_for_the_closing() {
    let home = Home::new();
    for round in 0..20_u64 {
        let db = home.open_busy();
        for i in 0..50 {
            set(&db, "c", &format!("id{i}"), round.to_string());
        }
        let closing = call(move || db.close());
        let db = home.open_busy();
        for i in 0..50 {
            let (text, version, _) = get(&db, "c", &format!("id{i}")).expect("is there");
            assert_eq!((text, version), (round.to_string(), round + 1));
        }
        closing.finish().expect("closes");
        db.close().expect("closes");
    }
}

#[test]
#[cfg(unix)]
fn openers_without_a_log_leave_no_trace_of_it_where_others_go_on() {
    let home = Home::new();
    home.open().close().expect("closes");
    let locked = |path| {
        let file = File::options().append(true).create(true).open(path).expect("opens");
        file.lock_shared().expect("locks");
        file
    };
    // A process that has the database and its log.
    let [presence, log] = [home.path().join("app.lock"), home.wal()].map(locked);
    let mut other = Command::new("sleep").arg("100").stdin(presence).stdout(log).spawn().expect("starts");
    for opening in 0..20 {
        let db = home.open_with(|options| options.safe_mode = false);
        set(&db, "c", "a", opening.to_string());
        db.flush_wait().expect("flushes");
        db.close().expect("closes");
    }
    other.kill().and_then(|()| other.wait()).expect("ends");
    let shards = (0..home.options().shard_count).map(|shard| {
        let connection = Connection::open(home.shard(shard)).expect("opens");
        let count = "SELECT count(*) FROM _kimdb_log";
        connection.query_row(count, [], |row| row.get::<_, u32>(0)).expect("counts")
    });
    assert_eq!(shards.sum::<u32>(), 0);
}
