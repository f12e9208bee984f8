//! Reading records while others are appended and reclaimed, and whose a log is.

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    ops::ControlFlow,
    path::Path,
};

use super::{
    super::{
        Lsn,
        header::RING_AT,
        record::{Header, RECORD_HEADER, Record},
    },
    DATABASE, SEED, anonymous, append, draft, one, open, sized, texts,
};
use crate::engine::error::Code;

#[test]
fn a_claim_keeps_its_records_in_place() {
    let log = anonymous(1024);
    append(&log, &mut one("first"));
    let second = log.head();
    append(&log, &mut one("second"));
    let claim = log.claim(second);
    let later = log.claim(log.head());
    append(&log, &mut one("third"));
    log.reclaim(log.head()).expect("reclaims");
    assert_eq!(log.tail(), second, "the oldest claim counts");
    assert_eq!(texts(&log), [b"second".to_vec(), b"third".to_vec()]);
    drop(claim);
    log.reclaim(log.head()).expect("reclaims");
    assert_eq!(texts(&log), [b"third"]);
    drop(later);
    log.reclaim(log.head()).expect("reclaims");
    assert_eq!((log.used(), texts(&log).len()), (0, 0));
}

#[test]
fn a_walk_from_any_record_to_any_other_meets_those_between() {
    let log = anonymous(1024);
    let mut ends = Vec::new();
    for i in 0..40 {
        if log.used() > 600 {
            let tail = ends[ends.len() - 4];
            log.reclaim(tail).expect("reclaims");
        }
        ends.push(append(&log, &mut one(&format!("{i}{}", "x".repeat(i * 3)))));
    }
    let last: Vec<Lsn> = ends.into_iter().filter(|end| *end >= log.tail()).collect();
    let claim = log.claim(log.tail());
    for (i, from) in last.iter().enumerate() {
        for (j, to) in last.iter().enumerate().skip(i) {
            let mut met = 0;
            claim
                .walk(*from, *to, |_| {
                    met += 1;
                    ControlFlow::Continue(())
                })
                .expect("is intact");
            assert_eq!(met, j - i);
        }
    }
}

/// Writes into the file of a log, which is mapped.
fn change(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).expect("opens");
    file.seek(SeekFrom::Start(at)).expect("seeks");
    file.write_all(bytes).expect("writes");
}

#[test]
fn a_change_from_outside_is_noticed_when_the_record_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let log = open(&path, 1024, DATABASE).expect("opens").log;
    append(&log, &mut one("a document"));
    let at = RING_AT + RECORD_HEADER as u64 + 30;
    let byte = fs::read(&path).expect("reads")[at as usize];
    change(&path, at, &[byte ^ 1]);
    let claim = log.claim(log.tail());
    let error = claim.walk(log.tail(), log.head(), |_| ControlFlow::Continue(())).expect_err("damaged");
    assert_eq!((error.code(), error.path()), (Code::Corrupt, Some(path.as_path())));
}

#[test]
fn a_batch_that_lost_whole_operations_is_noticed_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let log = open(&path, 1024, DATABASE).expect("opens").log;
    let op = |id: &str| (false, 0, "c".to_owned(), id.to_owned(), b"a document".to_vec());
    append(&log, &mut draft(&[op("a"), op("b")]));
    let shorter = RECORD_HEADER + draft(&[op("a")]).body().len();
    change(&path, RING_AT, &(shorter as u32).to_le_bytes());
    let claim = log.claim(log.tail());
    let error = claim.walk(log.tail(), log.head(), |_| ControlFlow::Continue(())).expect_err("damaged");
    assert_eq!(error.code(), Code::Corrupt);
}

#[test]
fn a_record_that_became_padding_is_noticed_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let log = open(&path, 1024, DATABASE).expect("opens").log;
    for _ in 0..8 {
        let end = append(&log, &mut sized(96));
        log.reclaim(end).expect("reclaims");
    }
    let from = log.head();
    for _ in 0..4 {
        append(&log, &mut sized(96));
    }
    assert!(from.0 < 1024 && log.head().0 > 1024, "the lap ends among them");
    let claim = log.claim(from);
    let walk = || claim.walk(from, log.head(), |_| ControlFlow::Continue(()));
    walk().expect("is whole");
    // The upper bit of its mark. Behind it would be the next lap.
    let last = from.0 + RING_AT + RECORD_HEADER as u64 - 1;
    let byte = fs::read(&path).expect("reads")[last as usize];
    change(&path, last, &[byte ^ 0x80]);
    assert_eq!(walk().expect_err("damaged").code(), Code::Corrupt);
    assert_eq!(claim.first_time(from, log.head()), None);
}

#[test]
fn where_a_record_was_there_are_zeros() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let log = open(&path, 1024, DATABASE).expect("opens").log;
    append(&log, &mut one("a document"));
    let claim = log.claim(log.tail());
    assert!(claim.first_time(log.tail(), log.head()).is_some());
    change(&path, RING_AT, &[0; 1024]);
    assert_eq!(claim.first_time(log.tail(), log.head()), None);
    let error = claim.walk(log.tail(), log.head(), |_| ControlFlow::Continue(())).expect_err("damaged");
    assert_eq!(error.code(), Code::Corrupt);
}

#[test]
fn padding_at_the_end_of_a_lap_is_no_operation() {
    let log = anonymous(512);
    // 96 bytes each: the sixth does not fit the rest of the lap.
    for number in 0..9 {
        log.reclaim(log.head()).expect("reclaims");
        append(&log, &mut one(&format!("{number}{}", "x".repeat(58))));
        assert_eq!(texts(&log), [format!("{number}{}", "x".repeat(58)).into_bytes()]);
    }
    assert_eq!(log.position().0, 9, "padding is not counted");
    let header = Header { length: 64, time_ms: 0, is_padding: true };
    let words = header.encode(SEED, Lsn(192), 0);
    let bytes = [words.map(u64::to_le_bytes).concat(), vec![9; 48]].concat();
    let found = Record::peek(&bytes, Lsn(192)).expect("padding is a record");
    assert_eq!((found.header, found.verify(SEED, &mut 0)), (header, Some(0)), "whatever lies in it");
}

#[test]
fn one_process_at_a_time_has_a_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let opened = open(&path, 1024, DATABASE).expect("opens");
    assert_eq!(open(&path, 1024, DATABASE).expect_err("in use").code(), Code::Locked);
    assert_eq!(open(&path, 1024, [8; 16]).expect_err("in use").code(), Code::WalMismatch);
    drop(opened);
    assert_eq!(open(&path, 1024, [8; 16]).expect_err("another's").code(), Code::WalMismatch);
    open(&path, 1024, DATABASE).expect("opens");
}
