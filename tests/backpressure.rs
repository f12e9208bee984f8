//! The log is full: writes wait in line, nothing overtakes, nothing grows without bound, nothing waits for ever.

mod common;

use std::sync::{Arc, Mutex};

use common::{
    Held, Home, PATIENCE, all, call, delete, fill, found, get, hold, ids_of, observer::Witness, open,
    open_observed, record, set, until, value,
};
use kimdb::{Code, Database, Options, Submitted};

const RING: u64 = 1 << 14;

fn tiny(home: &Home) -> Options {
    Options { shard_count: 2, wal_size: RING, ..home.options() }
}

/// A database whose log is full, because shard 0 is held; the last of the ids waits.
fn full(home: &Home) -> (Arc<Database>, Held, Vec<String>) {
    let db = open(tiny(home));
    let held = hold(&home.shard(0));
    let ids = fill(&db, "c", ids_of(&db, 0), "\"some text that fills the log\"");
    (db, held, ids)
}

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
fn documents_of_every_size_are_stored_in_order() {
    let home = Home::new();
    let db = open(tiny(&home));
    let sizes = [RING / 8, RING / 4, RING / 4 + 100, RING / 2, RING, RING * 20, 1, RING * 3, RING / 3];
    let text = |size: u64, round: u64| format!("\"{round}{}\"", "x".repeat(size as usize));
    for round in 1..4 {
        for (number, size) in sizes.iter().enumerate() {
            // The same document in all sizes, and one of its own.
            set(&db, "c", "same", text(*size, round));
            set(&db, "c", &format!("own{number}"), text(*size, round));
        }
        for (number, size) in sizes.iter().enumerate() {
            assert_eq!(
                value(&db, "c", &format!("own{number}")),
                Some((text(*size, round), round)),
                "size {size}"
            );
        }
        let last = *sizes.last().expect("some");
        assert_eq!(value(&db, "c", "same"), Some((text(last, round), round * sizes.len() as u64)));
    }
    db.close().expect("closes");
    let db = open(tiny(&home));
    for (number, size) in sizes.iter().enumerate() {
        assert_eq!(get(&db, "c", &format!("own{number}")), found(text(*size, 3), 3, false), "size {size}");
    }
}

#[test]
fn a_large_document_waits_its_turn() {
    let home = Home::new();
    let db = open(tiny(&home));
    let large = format!("\"{}\"", "x".repeat(3 * RING as usize));
    let (tell, told) = flume::unbounded();
    let mut queued = 0;
    for (number, json) in ["1", &large, "2", "3", &large, "4"].iter().enumerate() {
        let tell = tell.clone();
        let done = move |result: kimdb::Result<()>| drop(tell.send((number, result)));
        let mut draft = record(&db, &[("c", "a", Some(json)), ("c", &format!("id{number}"), Some("0"))]);
        queued += usize::from(db.submit(&mut draft, || Box::new(done)).expect("taken") == Submitted::Queued);
    }
    db.barrier_wait().expect("all get in");
    assert!(queued >= 2, "the large ones cannot be logged at once");
    let order: Vec<usize> =
        told.try_iter().map(|(number, result)| result.map(|()| number).expect("logged")).collect();
    assert!(order.is_sorted() && order.len() == queued, "{order:?}");
    assert_eq!(value(&db, "c", "a"), Some(("4".to_owned(), 6)));
    for number in 0..6 {
        assert_eq!(value(&db, "c", &format!("id{number}")), Some(("0".to_owned(), 1)));
    }
}

#[test]
fn a_large_document_is_there_after_a_kill() {
    let home = Home::new();
    let db = open(tiny(&home));
    let large = format!("\"{}\"", "x".repeat(2 * RING as usize));
    set(&db, "c", "a", "1");
    set(&db, "c", "a", &large);
    set(&db, "c", "small", "1");
    let image = home.crash_image();
    for home in [image.crash_image(), image] {
        let db = open(tiny(&home));
        assert_eq!(get(&db, "c", "a"), found(large.clone(), 2, false));
        assert_eq!(get(&db, "c", "small"), found("1", 1, false));
    }
}

#[test]
fn a_large_batch_is_applied_as_a_whole() {
    let home = Home::new();
    let db = open(tiny(&home));
    let text = format!("\"{}\"", "x".repeat(300));
    for count in [20, 40, 60, 200, 2000] {
        let ids: Vec<String> = (0..count).map(|i| format!("{count}-{i}")).collect();
        let ops: Vec<_> = ids.iter().map(|id| ("c", id.as_str(), Some(text.as_str()))).collect();
        db.submit_wait(&mut record(&db, &ops)).expect("any size is stored");
        for id in &ids {
            assert_eq!(value(&db, "c", id), Some((text.clone(), 1)), "{id}");
        }
    }
    assert_eq!(all(&db, "c", u64::MAX).len(), 2320);
    let image = home.crash_image();
    assert_eq!(all(&open(tiny(&image)), "c", u64::MAX).len(), 2320);
}

/// A crash while a large batch is in one of the two shards and not in the other. Returns its ids.
fn half_applied() -> (Home, Vec<String>) {
    let home = Home::new();
    let db = open(tiny(&home));
    set(&db, "c", "before", "1");
    db.flush_wait().expect("flushes");
    let held = hold(&home.shard(1));
    let text = format!("\"{}\"", "x".repeat(300));
    let ids: Vec<String> = (0..200).map(|i| format!("id{i}")).collect();
    let ops: Vec<_> = ids.iter().map(|id| ("c", id.as_str(), Some(text.as_str()))).collect();
    db.submit(&mut record(&db, &ops), || Box::new(|_| ())).expect("waits");
    let has_its_part = "SELECT count(*) > 50 FROM c";
    until("the other shard has its part", || {
        db.shard_query(0, has_its_part, &[]).is_ok_and(|rows| rows.rows[0][0] == 1.into())
    });
    let image = home.crash_image();
    drop(held);
    (image, ids)
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
fn writing_goes_on_after_a_shard_was_held_for_longer_than_a_large_write_may_wait() {
    let home = Home::new();
    let db = open(Options { write_timeout_ms: 200, ..tiny(&home) });
    set(&db, "c", "before", "1");
    db.flush_wait().expect("flushes");
    let held = hold(&home.shard(1));
    let text = format!("\"{}\"", "x".repeat(300));
    let ids: Vec<String> = (0..200).map(|i| format!("id{i}")).collect();
    let ops: Vec<_> = ids.iter().map(|id| ("c", id.as_str(), Some(text.as_str()))).collect();
    let error = db.submit_wait(&mut record(&db, &ops)).expect_err("it takes too long");
    assert!(matches!(error.code(), Code::Busy | Code::BufferFull), "{error}");
    // It counts, because one shard has it; so what comes later waits.
    let later = db.set(&db.collection("c"), "later", b"1").expect_err("it waits too long");
    assert_eq!(later.code(), Code::BufferFull, "{later}");
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
    let db = open(Options { write_timeout_ms: 200, ..tiny(&home) });
    set(&db, "c", "before", "1");
    db.flush_wait().expect("flushes");
    let held = hold(&home.shard(1));
    let text = format!("\"{}\"", "x".repeat(300));
    let ids: Vec<String> = (0..200).map(|i| format!("id{i}")).collect();
    let ops: Vec<_> = ids.iter().map(|id| ("c", id.as_str(), Some(text.as_str()))).collect();
    db.submit(&mut record(&db, &ops), || Box::new(|_| ())).expect("waits");
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

#[test]
fn an_empty_record_is_refused() {
    let home = Home::new();
    let db = home.open();
    let error = db.submit_wait(&mut record(&db, &[])).expect_err("it says nothing");
    assert_eq!(error.code(), Code::Internal);
    assert_eq!(db.stats().wal_bytes, 0);
}
