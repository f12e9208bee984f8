//! When a flush begins that nobody has asked for.

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use common::{Home, open_observed, set, until};
use kimdb::{Error, Observer, Options};

/// Says when a flush is over, and holds the scheduler there until it is let go on.
#[derive(Debug)]
struct Holder {
    over: flume::Sender<u64>,
    go_on: flume::Receiver<()>,
    syncs: AtomicU64,
}

impl Observer for Holder {
    fn flushed(&self, count: u64, _: Duration) {
        // Nobody listens any more at the end of the test.
        let _ = self.over.send(count);
        let _ = self.go_on.recv();
    }

    fn synced(&self, _: Duration) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    fn failed(&self, error: &Error) {
        panic!("nothing fails here: {error}");
    }
}

/// So many writes are not few, for which a flush would rest first.
const MANY: usize = 10_000;

/// Writes a document, lets it come to its shard, and writes `count` others so long after that flush has begun, which is held up for
/// so long. Returns how long after it was let go on, and after they were called, the next flush is over.
fn held_up(
    interval: Duration,
    written: Duration,
    held: Duration,
    count: usize,
    text: &str,
) -> (Duration, Duration) {
    let home = Home::new();
    let ((over, is_over), (go, go_on)) = (flume::unbounded(), flume::unbounded());
    let interval_ms = interval.as_millis() as u64;
    let options = Options { flush_interval_ms: interval_ms, wal_size: 8 << 20, ..home.options() };
    let db = open_observed(options, &Arc::new(Holder { over, go_on, syncs: AtomicU64::new(0) }));
    // NOTE: dropped before the database, whose last flush waits for it.
    let go = go;
    set(&db, "c", "a", "1");
    assert_eq!(is_over.recv_timeout(common::PATIENCE), Ok(1));
    let start = Instant::now();
    until("they are to be written", || start.elapsed() >= written);
    let called = Instant::now();
    (0..count).for_each(|i| set(&db, "c", &format!("b{i}"), text));
    until("it is let go on", || start.elapsed() >= held);
    let let_go = Instant::now();
    go.send(()).expect("it waits");
    assert_eq!(is_over.recv_timeout(common::PATIENCE), Ok(count as u64));
    (let_go.elapsed(), called.elapsed())
}

// NOTE: the age of a write is told by the clock on the wall, which is not to be set meanwhile, and that in steps of some milliseconds.
const ROUGHLY: Duration = Duration::from_millis(50);

#[test]
fn many_writes_during_a_flush_are_flushed_an_interval_after_they_were_called_not_after_that_flush() {
    let interval = Duration::from_secs(3);
    let (after, _) = held_up(interval, Duration::ZERO, interval, MANY, "2");
    assert!(after < interval, "{after:?}");
}

#[test]
fn but_not_earlier() {
    let interval = Duration::from_secs(1);
    let (_, after) = held_up(interval, interval, interval, MANY, "2");
    assert!(after >= interval - ROUGHLY, "{after:?}");
}

#[test]
fn after_a_long_flush_few_writes_wait_for_another_interval() {
    let interval = Duration::from_secs(1);
    let (after, _) = held_up(interval, Duration::ZERO, interval, MANY - 1, "2");
    assert!(after >= interval - ROUGHLY, "{after:?}");
}

#[test]
fn few_large_ones_do_not_wait_as_they_might_fill_the_log() {
    let interval = Duration::from_secs(3);
    let text = format!("\"{}\"", "x".repeat(200_000));
    let (after, _) = held_up(interval, Duration::ZERO, interval, 6, &text);
    assert!(after < interval, "{after:?}");
}

#[test]
fn during_a_long_flush_each_write_is_synced_after_an_interval() {
    let home = Home::new();
    let ((over, is_over), (go, go_on)) = (flume::unbounded(), flume::unbounded());
    let holder = Arc::new(Holder { over, go_on, syncs: AtomicU64::new(0) });
    let db = open_observed(Options { flush_interval_ms: 20, ..home.options() }, &holder);
    // NOTE: dropped before the database, whose last flush waits for it.
    let go = go;
    set(&db, "c", "a", "1");
    assert_eq!(is_over.recv_timeout(common::PATIENCE), Ok(1));
    for id in ["b", "c", "d"] {
        // Long enough for the thread that syncs to find nothing to do, again and again.
        thread::sleep(Duration::from_millis(500));
        let before = holder.syncs.load(Ordering::Relaxed);
        set(&db, "c", id, "2");
        until("it is synced", || holder.syncs.load(Ordering::Relaxed) > before);
    }
    drop(go);
}
