//! Writes that wait for room, and who is woken when.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::{
    super::{
        Appended, Done, Lsn,
        queue::{Need, Queue, Task, Until},
    },
    anonymous, append, one, sized, texts,
};
use crate::engine::error::{Code, Error};

/// A callback that notes its name and how it ended.
fn noting(notes: &Arc<Mutex<Vec<(String, bool)>>>, name: &str) -> Done {
    let (notes, name) = (Arc::clone(notes), name.to_owned());
    Box::new(move |result| notes.lock().expect("no panic").push((name, result.is_ok())))
}

#[test]
fn a_full_log_queues_in_order_and_drains_in_order() {
    let log = anonymous(512);
    let notes = Arc::default();
    let mut logged = 0;
    while let Appended::Logged { .. } =
        log.append(&mut sized(64), || noting(&notes, "first")).expect("appends")
    {
        logged += 1;
    }
    assert_eq!(logged, 8);
    // Smaller ones do not overtake.
    let second = log.append(&mut one(""), || noting(&notes, "second")).expect("queues");
    assert_eq!(second, Appended::Queued);
    assert!(log.barrier(Until::Told, || noting(&notes, "barrier")));
    assert!(log.has_waiting() && log.accepted() == (8, 2));
    assert!(!log.drain().expect("drains"), "there is no room yet");
    assert!(notes.lock().expect("no panic").is_empty());
    log.reclaim(Lsn(64)).expect("reclaims");
    log.drain().expect("drains");
    assert_eq!(*notes.lock().expect("no panic"), [("first".to_owned(), true)]);
    log.reclaim(Lsn(512)).expect("reclaims");
    log.drain().expect("drains");
    let names: Vec<String> = notes.lock().expect("no panic").iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["first", "second", "barrier"]);
    assert!(!log.has_waiting() && log.accepted() == (10, 0) && log.waiting_bytes() == 0);
    assert!(!log.barrier(Until::Told, || noting(&notes, "never")), "nothing waits");
}

#[test]
fn a_record_too_large_for_the_ring_holds_up_what_comes_after() {
    let log = anonymous(1024);
    let notes = Arc::default();
    let large = "x".repeat(500);
    append(&log, &mut one("before"));
    assert_eq!(log.append(&mut one(&large), || noting(&notes, "large")), Ok(Appended::Queued));
    assert_eq!(log.append(&mut one("after"), || noting(&notes, "after")), Ok(Appended::Queued));
    assert!(log.drain().expect("drains"), "it is first in line");
    let (draft, ..) = log.take_large().expect("it is first in line");
    assert_eq!(draft.iter().next().expect("an operation").value, large.as_bytes());
    assert_eq!(log.append(&mut one("later"), || noting(&notes, "later")), Ok(Appended::Queued));
    log.finish_large(Ok(()));
    assert!(!log.drain().expect("drains"));
    let names: Vec<String> = notes.lock().expect("no panic").iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["large", "after", "later"]);
    assert_eq!(texts(&log), [b"before".to_vec(), b"after".to_vec(), b"later".to_vec()]);
}

#[test]
fn a_barrier_ends_once_those_before_it_were_told() {
    let log = anonymous(1024);
    let notes: Arc<Mutex<Vec<(String, bool)>>> = Arc::default();
    let told = || std::mem::take(&mut *notes.lock().expect("no panic"));
    let queue = |name: &str, text: &str| {
        assert_eq!(log.append(&mut one(text), || noting(&notes, name)), Ok(Appended::Queued));
    };
    let late = || Error::new(Code::BufferFull, "It took too long.");
    queue("large", &"x".repeat(500));
    assert!(log.drain().expect("drains"), "it is first in line");
    log.take_large().expect("it is first in line");
    queue("behind", "text");
    assert!(log.barrier(Until::Told, || noting(&notes, "barrier")));
    std::thread::sleep(Duration::from_millis(1));
    log.expire(Instant::now(), late);
    assert_eq!(told(), [("behind".to_owned(), false)], "the large one is not told yet");
    log.tell_large(Err(late()));
    log.expire(Instant::now(), late);
    assert_eq!(told(), [("large".to_owned(), false), ("barrier".to_owned(), true)]);
    assert!(!log.barrier(Until::Told, || noting(&notes, "never")), "nobody waits for what was refused");
    queue("later", "text");
    assert!(log.barrier(Until::Told, || noting(&notes, "another")));
    log.finish_large(Ok(()));
    log.drain().expect("drains");
    assert_eq!(told(), [("later".to_owned(), true), ("another".to_owned(), true)]);
}

#[test]
fn who_panics_when_called_back_keeps_nobody_else_from_being_told() {
    let log = anonymous(8192);
    let notes: Arc<Mutex<Vec<(String, bool)>>> = Arc::default();
    let queue = |text: &str, done: Done| {
        assert_eq!(log.append(&mut one(text), || done), Ok(Appended::Queued));
    };
    for _ in 0..2 {
        queue(&"x".repeat(2500), Box::new(|_| panic!("the program's own")));
        assert!(log.drain().expect("drains"), "it is first in line");
        log.take_large().expect("it is first in line");
        queue("behind", noting(&notes, "behind"));
        queue("panics", Box::new(|_| panic!("the program's own")));
        queue("last", noting(&notes, "last"));
        log.finish_large(Ok(()));
        log.drain().expect("drains");
        let told = std::mem::take(&mut *notes.lock().expect("no panic"));
        assert_eq!(told, [("behind".to_owned(), true), ("last".to_owned(), true)]);
        assert!(!log.barrier(Until::Told, || noting(&notes, "never")), "all were told");
        log.reclaim(log.head()).expect("reclaims");
    }
}

#[test]
fn the_scheduler_is_woken_once_at_the_count_it_asked_for() {
    let log = anonymous(4096);
    assert!(!log.wake_at(3));
    let wakes: Vec<bool> = (0..5)
        .map(|_| {
            matches!(log.append(&mut one(""), || unreachable!()), Ok(Appended::Logged { wake: true, .. }))
        })
        .collect();
    assert_eq!(wakes, [false, false, true, false, false]);
    assert!(log.wake_at(5) && !log.wake_at(6));
}

#[test]
fn a_queue_is_bounded_expires_and_counts() {
    let notes = Arc::default();
    let mut queue = Queue::new(1000);
    let task = |size: usize| Task::Record { draft: one(&"x".repeat(size)), time_ms: 0, is_large: false };
    queue.push(task(300), || noting(&notes, "a")).expect("fits");
    queue.push(task(5000), || noting(&notes, "b")).expect("one too large is taken while there is room");
    assert!(queue.is_full() && queue.ops() == 2 && queue.bytes() > 5300);
    let error = queue.push(task(1), || unreachable!("not taken")).expect_err("full");
    assert_eq!(error.code(), Code::BufferFull);
    queue.push_barrier(Until::Told, || noting(&notes, "barrier"));
    assert_eq!(queue.first_need(), Some(Need::Bytes(one(&"x".repeat(300)).len())));
    assert_eq!(queue.expire(Instant::now() - Duration::from_secs(60)).len(), 0);
    std::thread::sleep(Duration::from_millis(1));
    assert_eq!(queue.expire(Instant::now()).len(), 3);
    assert!(queue.is_empty() && queue.bytes() == 0 && queue.ops() == 0 && queue.first_need().is_none());
}
