//! Whoever finds no room waits in a line that is bounded and in order, and for no longer than is allowed.

use std::sync::{Arc, Mutex};

use kimdb::{Code, Options, Submitted};

use crate::{
    common::{
        Home, PATIENCE, all, call, delete, fill, get, hold, ids_of, observer::Witness, open, open_observed,
        record, set, until, value,
    },
    ring::{RING, full, tiny},
};

#[test]
fn writes_wait_in_line_and_all_get_in() {
    let home = Home::new();
    let (db, held, ids) = full(&home);
    assert!(db.has_waiting());
    let order = Arc::new(Mutex::new(Vec::new()));
    // Also those that would fit: nothing overtakes.
    for number in 0..40 {
        let order = Arc::clone(&order);
        let done = move |result: kimdb::Result<()>| {
            result.expect("logged");
            order.lock().expect("no panic").push(number);
        };
        let mut draft = record(&db, &[("c", "contended", Some(&number.to_string()))]);
        assert_eq!(db.submit(&mut draft, || Box::new(done)).expect("taken"), Submitted::Queued);
    }
    assert!(order.lock().expect("no panic").is_empty());
    let stats = db.stats();
    assert!(stats.waiting_bytes > 0 && stats.wal_bytes <= RING);
    assert_eq!(stats.buffered_writes, ids.len() as u64 + 40, "what waits is accepted");
    drop(held);
    db.barrier_wait().expect("all get in");
    assert_eq!(*order.lock().expect("no panic"), (0..40).collect::<Vec<_>>(), "in the order of the calls");
    assert_eq!(
        get(&db, "c", "contended").map(|(text, version, _)| (text, version)),
        Some(("39".to_owned(), 40))
    );
    db.flush_wait().expect("flushes");
    assert_eq!(db.stats().waiting_bytes, 0);
    assert_eq!(all(&db, "c", u64::MAX).len(), ids.len() + 1);
}

#[test]
fn a_barrier_lets_a_read_see_what_waits() {
    let home = Home::new();
    let (db, held, ids) = full(&home);
    let last = ids.last().expect("some");
    let (tell, told) = flume::bounded(1);
    assert!(db.barrier(|| Box::new(move |result| drop(tell.send(result)))).expect("asks"));
    assert!(told.is_empty());
    let reading = Arc::clone(&db);
    let id = last.clone();
    let read = call(move || {
        reading.barrier_wait().expect("all get in");
        value(&reading, "c", &id)
    });
    drop(held);
    assert_eq!(read.finish(), Some(("\"some text that fills the log\"".to_owned(), 1)));
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Ok(())));
}

#[test]
fn a_blocking_write_returns_once_there_is_room() {
    let home = Home::new();
    let (db, held, _) = full(&home);
    let writing = Arc::clone(&db);
    let write = call(move || {
        set(&writing, "c", "late", "1");
        delete(&writing, "c", "later");
        writing.submit_durable_wait(&mut record(&writing, &[("c", "latest", Some("2"))])).expect("writes");
    });
    until("it waits", || db.stats().waiting_bytes > 0);
    assert!(write.is_running());
    drop(held);
    write.finish();
    assert_eq!(value(&db, "c", "late"), Some(("1".to_owned(), 1)));
    assert_eq!(value(&db, "c", "latest"), Some(("2".to_owned(), 1)));
}

#[test]
fn a_callback_may_ask_for_more() {
    let home = Home::new();
    let (db, held, _) = full(&home);
    let (tell, told) = flume::unbounded();
    let teller = move |what: &'static str| {
        let tell = tell.clone();
        Box::new(move |result: kimdb::Result<()>| drop(tell.send((what, result))))
    };
    let again = Arc::clone(&db);
    let done = move |result: kimdb::Result<()>| {
        result.expect("logged");
        // None of these calls blocks by its contract.
        let submitted = again.submit(&mut record(&again, &[("c", "second", Some("2"))]), || teller("logged"));
        if submitted.expect("taken") == Submitted::Logged {
            teller("logged")(Ok(()));
        }
        again
            .submit_durable(&mut record(&again, &[("c", "third", Some("3"))]), teller("durable"))
            .expect("taken");
        again.flush(teller("flushed")).expect("asks");
        if !again.barrier(|| teller("barrier")).expect("asks") {
            teller("barrier")(Ok(()));
        }
    };
    let mut first = record(&db, &[("c", "first", Some("1"))]);
    assert_eq!(db.submit(&mut first, || Box::new(done)).expect("taken"), Submitted::Queued);
    drop(held);
    let mut answers: Vec<&str> = (0..4)
        .map(|_| {
            let (what, result) = told.recv_timeout(PATIENCE).expect("an answer");
            result.expect(what);
            what
        })
        .collect();
    answers.sort_unstable();
    assert_eq!(answers, ["barrier", "durable", "flushed", "logged"]);
    for (id, text) in [("first", "1"), ("second", "2"), ("third", "3")] {
        assert_eq!(value(&db, "c", id), Some((text.to_owned(), 1)));
    }
}

#[test]
fn the_line_is_bounded_too() {
    let home = Home::new();
    let (db, held, ids) = full(&home);
    let text = format!("\"{}\"", "x".repeat(1000));
    let writing = Arc::clone(&db);
    let write = call(move || {
        for i in 0..100 {
            let mut draft = record(&writing, &[("c", &format!("more{i}"), Some(&text))]);
            writing
                .submit(&mut draft, || Box::new(|logged| logged.expect("logged")))
                .expect("taken in the end");
        }
    });
    until("the line is full", || db.stats().waiting_bytes >= RING);
    assert!(write.is_running(), "a hundred times a kilobyte do not fit twice sixteen");
    assert!(db.stats().waiting_bytes <= RING + 2000);
    drop(held);
    write.finish();
    db.flush_wait().expect("flushes");
    assert_eq!(all(&db, "c", u64::MAX).len(), ids.len() + 100);
}

#[test]
fn a_write_that_waits_too_long_fails_and_is_not_done() {
    let home = Home::new();
    let witness = Witness::new();
    let db = open_observed(Options { write_timeout_ms: 50, ..tiny(&home) }, &witness);
    let held = hold(&home.shard(0));
    let mut ids = Vec::new();
    // The results of those that had to wait.
    let (tell, told) = flume::unbounded();
    for id in ids_of(&db, 0) {
        let mut draft = record(&db, &[("c", &id, Some("\"some text that fills the log\""))]);
        let tell = tell.clone();
        let done = move |result: kimdb::Result<()>| drop(tell.send(result));
        if db.submit(&mut draft, || Box::new(done)).expect("taken") == Submitted::Queued {
            ids.push(id);
            break;
        }
        ids.push(id);
    }
    let error = told.recv_timeout(PATIENCE).expect("an answer").expect_err("no room");
    assert_eq!(error.code(), Code::BufferFull);
    let error = db.set(&db.collection("c"), "blocking", b"\"text\"").expect_err("no room");
    assert_eq!(error.code(), Code::BufferFull);
    let error =
        db.submit_durable_wait(&mut record(&db, &[("c", "durable", Some("1"))])).expect_err("no room");
    assert_eq!(error.code(), Code::BufferFull);
    let late = ids.pop().expect("the one that waited");
    drop(held);
    until("the held shard is flushed", || db.stats().buffer_size == 0);
    for id in [late.as_str(), "blocking", "durable"] {
        assert_eq!(get(&db, "c", id), None, "{id} was refused");
    }
    // The log's space comes back when the shards are synced, which a slow disk may take its time for.
    let after = db.collection("c");
    until("there is room again", || db.set(&after, "after", b"1").is_ok());
    db.flush_wait().expect("flushes");
    assert_eq!(all(&db, "c", u64::MAX).len(), ids.len() + 1);
    db.close().expect("closes");
}

#[test]
fn without_safe_mode_the_buffer_is_bounded_in_the_same_way() {
    let home = Home::new();
    let db = open(Options { safe_mode: false, ..tiny(&home) });
    let held = hold(&home.shard(0));
    let ids = fill(&db, "c", ids_of(&db, 0), "\"some text that fills the log\"");
    assert!(db.has_waiting() && db.stats().wal_bytes <= RING);
    drop(held);
    set(&db, "c", "large", format!("\"{}\"", "x".repeat(3 * RING as usize)));
    db.flush_wait().expect("flushes");
    assert_eq!(all(&db, "c", u64::MAX).len(), ids.len() + 1);
}
