//! A log whose file takes its time: nobody but the thread that writes it waits for it.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use super::{
    super::{Appended, Done, Log, Until, WaitsFor, file},
    DATABASE, one, texts,
};
use crate::engine::{error::Code, io::gated::Gated, log::Access, options::Backend, until::until};

type Notes = Arc<Mutex<Vec<(&'static str, bool)>>>;

fn noting(notes: &Notes, name: &'static str) -> Done {
    let notes = Arc::clone(notes);
    Box::new(move |result| notes.lock().expect("no panic").push((name, result.is_ok())))
}

/// A new log in a file of that file system, written by system calls.
fn written(path: &Path, files: &Gated) -> Arc<Log> {
    let access = Access { files: Arc::new(files.clone()), backend: Backend::Pwrite, capacity: 1 << 20 };
    file::open(path, DATABASE, &access).expect("a new log").log
}

fn queue(log: &Log, notes: &Notes, name: &'static str) {
    assert_eq!(log.append(&mut one(name), || noting(notes, name)), Ok(Appended::Queued), "{name}");
}

/// Waits until another thread has taken all that waits and is writing it.
fn until_on_its_way(log: &Log) {
    until("all that waits is on its way", || log.waiting_bytes() == 0);
}

#[test]
fn while_a_thread_writes_to_the_file_others_go_on_and_keep_their_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, notes) = (Gated::default(), Notes::default());
    let log = written(&folder.path().join("log"), &files);
    queue(&log, &notes, "first");
    assert!(log.has_waiting() && !log.lacks_room(), "it waits for a thread, not for room");
    thread::scope(|scope| {
        let gate = files.gate.lock();
        let drains = scope.spawn(|| log.drain());
        until_on_its_way(&log);
        assert_eq!((log.accepted(), log.head()), ((0, 1), log.tail()), "nobody sees it yet");
        queue(&log, &notes, "second");
        assert!(log.barrier(Until::Told, || noting(&notes, "barrier")));
        assert_eq!(log.drain(), Ok(false), "another thread is at it");
        assert!(notes.lock().expect("no panic").is_empty());
        let mut large = one(&"x".repeat(300 << 10));
        assert_eq!(log.append(&mut large, || noting(&notes, "large")), Ok(Appended::Queued));
        assert_eq!(log.waits_for(), WaitsFor::Nothing, "the thread asks again");
        drop(gate);
        assert_eq!(drains.join().expect("no panic"), Ok(false));
    });
    assert_eq!(*notes.lock().expect("no panic"), [("first", true)]);
    assert_eq!(log.waits_for(), WaitsFor::Thread);
    assert_eq!(log.drain(), Ok(true), "the large record is next");
    let told = [("first", true), ("second", true), ("barrier", true)];
    assert_eq!(*notes.lock().expect("no panic"), told);
    assert_eq!(log.waits_for(), WaitsFor::Room);
    assert!(log.take_large().is_some());
    log.finish_large(Ok(()));
    assert_eq!((log.accepted(), log.has_waiting()), ((2, 0), false));
    assert_eq!(texts(&log), [b"first".to_vec(), b"second".to_vec()]);
    log.mark().expect("writes");
}

#[test]
fn a_large_record_waits_for_what_is_on_its_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, notes) = (Gated::default(), Notes::default());
    let log = written(&folder.path().join("log"), &files);
    queue(&log, &notes, "first");
    thread::scope(|scope| {
        let gate = files.gate.lock();
        let drains = scope.spawn(|| log.drain());
        until_on_its_way(&log);
        let mut large = one(&"x".repeat(300 << 10));
        assert_eq!(log.append(&mut large, || noting(&notes, "large")), Ok(Appended::Queued));
        assert!(log.take_large().is_none(), "the first write is not in the log yet");
        drop(gate);
        assert_eq!(drains.join().expect("no panic"), Ok(true));
    });
    assert!(log.take_large().is_some());
    assert_eq!(texts(&log), [b"first".to_vec()]);
}

#[test]
fn so_much_waits_that_it_is_written_in_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, notes) = (Gated::default(), Notes::default());
    let access = Access { files: Arc::new(files), backend: Backend::Pwrite, capacity: 8 << 20 };
    let log = file::open(&folder.path().join("log"), DATABASE, &access).expect("a new log").log;
    let large = "x".repeat(200 << 10);
    for _ in 0..20 {
        let appended = log.append(&mut one(&large), || noting(&notes, "one of many"));
        assert_eq!(appended, Ok(Appended::Queued));
    }
    let mut told = Vec::new();
    while log.waits_for() == WaitsFor::Thread {
        assert_eq!(log.drain(), Ok(false));
        told.push(notes.lock().expect("no panic").len());
    }
    assert_eq!(told, [6, 12, 18, 20], "those of a part are told before the next is written");
}

#[test]
fn what_was_written_by_a_thread_is_found_by_the_next_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, notes) = (Gated::default(), Notes::default());
    let path = folder.path().join("log");
    let log = written(&path, &files);
    (0..100).for_each(|_| queue(&log, &notes, "one of many"));
    assert_eq!(log.drain(), Ok(false));
    drop(log);
    assert_eq!(texts(&written(&path, &files)).len(), 100);
}

#[test]
fn what_could_not_be_written_fails_and_is_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, notes) = (Gated::default(), Notes::default());
    let log = written(&folder.path().join("log"), &files);
    queue(&log, &notes, "first");
    *files.gate.lock() = true;
    assert_eq!(log.drain().expect_err("broken").code(), Code::Io);
    assert_eq!(*notes.lock().expect("no panic"), [("first", false)]);
    assert_eq!((log.accepted(), log.head()), ((0, 0), log.tail()));
    *files.gate.lock() = false;
    queue(&log, &notes, "second");
    assert_eq!(log.drain(), Ok(false));
    assert_eq!(texts(&log), [b"second".to_vec()]);
}

#[test]
fn a_panic_of_the_file_system_is_a_failed_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, notes) = (Gated::default(), Notes::default());
    let log = written(&folder.path().join("log"), &files);
    queue(&log, &notes, "first");
    *files.panicking.lock() = Some("log");
    let error = log.drain().expect_err("broken");
    assert!(error.to_string().contains("a defect of the file system"), "{error}");
    assert_eq!((log.accepted(), log.waits_for()), ((0, 0), WaitsFor::Nothing));
    *files.panicking.lock() = None;
    queue(&log, &notes, "second");
    assert_eq!(log.drain(), Ok(false));
    assert_eq!(*notes.lock().expect("no panic"), [("first", false), ("second", true)]);
    assert_eq!(texts(&log), [b"second".to_vec()]);
}
