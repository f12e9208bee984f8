//! Small records after a sync, which go to a mapped file by system calls.

use std::{fs, path::Path, sync::Arc, thread};

use super::{
    super::{Log, file, header::RING_AT, pages::PAGE},
    DATABASE, append, draft, one, open, texts,
};
use crate::engine::{
    io::{FAST, gated::Gated},
    log::Access,
    options::Backend,
    until::until,
};

const CAPACITY: u64 = 1 << 20;

/// More records than go by calls.
const MANY: usize = 20;

fn mapped(path: &Path, files: &Gated) -> Arc<Log> {
    let access = Access { files: Arc::new(files.clone()), backend: Backend::Mmap, capacity: CAPACITY };
    let log = file::open(path, DATABASE, &access).expect("a new log").log;
    log.sync_without_note(true).expect("syncs");
    log
}

/// A text with which a record of one operation takes so many bytes.
fn filling(bytes: u64) -> String {
    "x".repeat((bytes - one("").len()) as usize)
}

/// The calls by which a record of one operation with that text was written.
fn calls_of(log: &Log, files: &Gated, text: &str) -> Vec<(u64, u64)> {
    files.calls.lock().clear();
    append(log, &mut one(text));
    files.calls.lock().clone()
}

#[test]
fn a_small_record_after_each_sync_goes_by_one_call_a_page_the_first_page_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, files) = (folder.path().join("log"), Gated::default());
    let log = mapped(&path, &files);
    let mut expected = Vec::new();
    let mut parts = [0; 3];
    for i in 0..200 {
        log.sync_without_note(true).expect("syncs");
        let text = format!("{i}:{}", "x".repeat(i * 37 % 3000));
        let at = RING_AT + log.head().0;
        let calls = calls_of(&log, &files, &text);
        parts[calls.len()] += 1;
        let to = calls.iter().map(|call| call.1).max().expect("a call");
        let boundary = at.next_multiple_of(PAGE);
        let is_crossed = boundary > at && boundary < to;
        assert_eq!(calls, if is_crossed { vec![(boundary, to), (at, boundary)] } else { vec![(at, to)] });
        expected.push(text.into_bytes());
    }
    assert!(parts[1] > 0 && parts[2] > 0, "within a page and across two: {parts:?}");
    assert_eq!(texts(&log), expected);
    drop(log);
    assert_eq!(texts(&open(&path, CAPACITY, DATABASE).expect("opens").log), expected);
}

#[test]
fn others_are_copied() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Gated::default();
    let log = mapped(&folder.path().join("log"), &files);
    assert!(!calls_of(&log, &files, &filling(PAGE)).is_empty(), "it is small");
    log.sync_without_note(true).expect("syncs");
    assert_eq!(calls_of(&log, &files, &filling(PAGE + 8)), [], "it is not small");
    log.sync_without_note(true).expect("syncs");
    assert_eq!(calls_of(&log, &files, "small"), [], "much was written before");
    log.sync_without_note(false).expect("syncs");
    assert_eq!(calls_of(&log, &files, "small"), [], "nobody waited");
    log.sync_without_note(true).expect("syncs");
    let calls: Vec<usize> = (0..MANY).map(|_| calls_of(&log, &files, "small").len()).collect();
    assert!(calls[0] > 0 && calls[MANY - 1] == 0, "the first ones go by calls: {calls:?}");
    log.sync_without_note(true).expect("syncs");
    assert!(!calls_of(&log, &files, "small").is_empty(), "again after each sync");
}

#[test]
fn a_record_whose_call_fails_is_copied() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, files) = (folder.path().join("log"), Gated::default());
    let log = mapped(&path, &files);
    let mut expected = Vec::new();
    for failing in [0, 1, 0, 1] {
        // Up to where the next record lies in two pages.
        while RING_AT + log.head().0 + 100 < (RING_AT + log.head().0).next_multiple_of(PAGE) {
            append(&log, &mut draft(&[]));
        }
        // Twice, because what filled the page may be much.
        log.sync_without_note(true).expect("syncs");
        log.sync_without_note(true).expect("syncs");
        let text = format!("{failing}:{}", "x".repeat(500));
        *files.failing.lock() = Some(failing);
        assert_eq!(calls_of(&log, &files, &text).len(), failing + 1, "it was tried");
        *files.failing.lock() = None;
        expected.push(text.into_bytes());
    }
    assert_eq!(texts(&log), expected);
    let image = folder.path().join("image");
    fs::copy(&path, &image).expect("copies");
    assert_eq!(texts(&open(&image, CAPACITY, DATABASE).expect("opens").log), expected);
}

#[test]
fn those_behind_a_call_that_takes_long_or_fails_are_copied() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Gated::default();
    let log = mapped(&folder.path().join("log"), &files);
    files.calls.lock().clear();
    let gate = files.gate.lock();
    thread::scope(|scope| {
        let slow = scope.spawn(|| append(&log, &mut one("held up")));
        until("it is being written", || !files.calls.lock().is_empty());
        thread::sleep(FAST);
        drop(gate);
        slow.join().expect("writes");
    });
    assert_eq!(calls_of(&log, &files, "small"), [], "the disk is slow");
    log.sync_without_note(true).expect("syncs");
    *files.failing.lock() = Some(0);
    assert_eq!(calls_of(&log, &files, "small").len(), 1, "the sync was fast, so it is tried");
    *files.failing.lock() = None;
    assert_eq!(calls_of(&log, &files, "small"), [], "it failed");
}

#[test]
fn a_file_that_was_cut_off_does_not_get_its_length_back_by_calls() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, files) = (folder.path().join("log"), Gated::default());
    let log = mapped(&path, &files);
    let (mut calls, shortest) = (0, one("").len());
    while CAPACITY - log.head().0 >= shortest {
        log.sync_without_note(true).expect("syncs");
        let left = CAPACITY - log.head().0;
        let length = if left > 2 * PAGE { PAGE } else { shortest };
        let made = calls_of(&log, &files, &filling(length)).len();
        assert!(made == 0 || left - length >= PAGE, "{left} bytes before the end");
        calls += made;
    }
    assert!(calls > 100, "{calls} calls");

    let log = mapped(&folder.path().join("other"), &files);
    let file = fs::OpenOptions::new().write(true).open(log.path().expect("a file")).expect("opens");
    file.set_len(0).expect("cuts");
    assert!(!calls_of(&log, &files, "small").is_empty(), "it did not touch the mapping");
    assert!(file.metadata().expect("looks").len() > 0, "it made the file longer");
    log.sync_without_note(true).expect_err("what is missing is noticed");
}
