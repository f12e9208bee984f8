//! Logs that changed on the disk: what is whole is recovered, what is not is known, and nothing wrong is believed.

use std::{fs, ops::ControlFlow, path::Path, sync::Arc};

use super::{
    super::{Opened, header::RING_AT},
    DATABASE, append, one, open, texts,
};
use crate::engine::error::Code;

const CAPACITY: u64 = 1024;

/// A small log file with records of both laps of the ring, and their texts.
fn lapped(path: &Path, is_synced: bool) -> Vec<Vec<u8>> {
    let log = open(path, CAPACITY, DATABASE).expect("opens").log;
    for i in 0..30 {
        let end = append(&log, &mut one(&format!("record {i}{}", "x".repeat(i + 18))));
        if i < 22 {
            log.reclaim(end).expect("reclaims");
        }
    }
    assert!(
        log.head().0 > CAPACITY && log.tail().0 / CAPACITY < log.head().0 / CAPACITY,
        "the lap ends among them"
    );
    if is_synced {
        log.sync().expect("syncs");
    }
    texts(&log)
}

/// The texts of everything that recovery would apply.
fn found(opened: &Opened) -> Vec<Vec<u8>> {
    let claim = Arc::new(opened.log.claim(opened.log.tail()));
    let mut texts = Vec::new();
    for part in &opened.content.intact {
        let walk = claim.walk(part.start, part.end, |met| {
            texts.push(met.op.value.to_vec());
            ControlFlow::Continue(())
        });
        walk.expect("is intact");
    }
    texts
}

/// Opens copies of a log, each with one bit changed in the ring.
fn with_each_byte_flipped(is_synced: bool, check: impl Fn(usize, &[Vec<u8>], &Opened)) {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, damaged) = (folder.path().join("log"), folder.path().join("damaged"));
    let written = lapped(&path, is_synced);
    let bytes = fs::read(&path).expect("reads");
    for offset in RING_AT as usize..bytes.len() {
        for bit in [0, 7] {
            let mut copy = bytes.clone();
            copy[offset] ^= 1 << bit;
            fs::write(&damaged, copy).expect("writes");
            check(offset, &written, &open(&damaged, CAPACITY, DATABASE).expect("opens"));
        }
    }
}

#[test]
fn a_log_that_was_not_synced_ends_at_its_first_bad_record() {
    with_each_byte_flipped(false, |offset, written, opened| {
        let found = found(opened);
        assert!(written.starts_with(&found), "offset {offset}: {} records", found.len());
        assert!(!opened.is_damaged, "offset {offset}: it may be torn, and nothing else");
    });
}

#[test]
fn damage_in_a_synced_log_costs_only_the_record_that_it_hits() {
    let mut lost = 0;
    with_each_byte_flipped(true, |offset, written, opened| {
        let found = found(opened);
        let missing: Vec<_> = written.iter().filter(|text| !found.contains(text)).collect();
        assert_eq!(found.len() + missing.len(), written.len(), "offset {offset}: each once");
        assert!(
            found.is_sorted_by_key(|text| written.iter().position(|known| known == text)),
            "offset {offset}"
        );
        assert!(missing.len() <= 1, "offset {offset}: {} records", missing.len());
        if !missing.is_empty() {
            assert!(opened.is_damaged && opened.content.damaged_bytes() > 0, "offset {offset}: it is known");
        }
    });
    with_each_byte_flipped(true, |_, written, opened| {
        // Counted here, so that the test above cannot pass by losing nothing.
        if found(opened).len() < written.len() {
            assert!(opened.content.damaged_bytes() < 128, "{:?}", opened.content);
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let written = lapped(&path, true);
    let mut bytes = fs::read(&path).expect("reads");
    bytes[RING_AT as usize..].fill(0);
    fs::write(&path, &bytes).expect("writes");
    let opened = open(&path, CAPACITY, DATABASE).expect("opens");
    lost += written.len() - found(&opened).len();
    assert_eq!((lost, opened.is_damaged), (written.len(), true), "all of it was punched out");
}

#[test]
fn what_a_log_of_the_wrong_length_still_holds_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, cut) = (folder.path().join("log"), folder.path().join("cut"));
    let written = lapped(&path, true);
    let mut bytes = fs::read(&path).expect("reads");
    let whole = bytes.len();
    bytes.extend_from_slice(&[0; 64]);
    let mut most = 0;
    for length in 1..bytes.len() {
        fs::write(&cut, &bytes[..length]).expect("writes");
        match open(&cut, CAPACITY, DATABASE) {
            Ok(opened) => {
                let found = found(&opened);
                assert!(found.iter().all(|text| written.contains(text)), "{length} bytes");
                assert!(found.len() >= most, "{length} bytes: more of the file is more of the log");
                most = found.len();
                assert_eq!(opened.is_damaged, length != whole, "{length} bytes");
                // Without the newer header it is not known what was synced.
                let is_known = length >= RING_AT as usize;
                assert!(!is_known || most == written.len() || !opened.content.damaged.is_empty(), "{length}");
            }
            Err(error) => {
                assert!(matches!(error.code(), Code::Corrupt | Code::WalMismatch), "{length} bytes: {error}");
                assert!(length < 88, "{length} bytes hold a header: {error}");
            }
        }
    }
    assert_eq!(most, written.len());
}

#[test]
fn a_note_of_a_sync_is_believed_once_it_is_in_the_header() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let log = open(&path, CAPACITY, DATABASE).expect("opens").log;
    append(&log, &mut one("synced"));
    let end = log.sync().expect("syncs");
    append(&log, &mut one("not synced"));
    drop(log);
    let bytes = fs::read(&path).expect("reads");
    for (at, expected) in [(40, true), (end.0 as usize + 40, false)] {
        let mut bytes = bytes.clone();
        bytes[RING_AT as usize + at] ^= 1;
        let damaged = folder.path().join("damaged");
        fs::write(&damaged, bytes).expect("writes");
        let opened = open(&damaged, CAPACITY, DATABASE).expect("opens");
        assert_eq!((found(&opened).len(), opened.is_damaged), (1, expected), "byte {at}");
    }
}

#[test]
fn a_long_damaged_record_costs_no_other_one() {
    const CAPACITY: u64 = 8 << 20;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    for before in 0..4 {
        let _ = fs::remove_file(&path);
        let log = open(&path, CAPACITY, DATABASE).expect("opens").log;
        for _ in 0..before {
            append(&log, &mut one("before"));
        }
        let long = log.head();
        // So long that some part of it looks like a record's header.
        append(&log, &mut one(&"x".repeat(1_000_000)));
        append(&log, &mut one("behind"));
        log.sync().expect("syncs");
        drop(log);
        let mut bytes = fs::read(&path).expect("reads");
        bytes[(RING_AT + long.0) as usize] ^= 1;
        fs::write(&path, &bytes).expect("writes");
        let opened = open(&path, CAPACITY, DATABASE).expect("opens");
        let expected = [vec![b"before".to_vec(); before], vec![b"behind".to_vec()]].concat();
        assert!(found(&opened) == expected && opened.is_damaged, "behind {before} others");
    }
}

#[test]
fn a_damaged_log_is_kept_aside_under_a_free_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    for number in 1..4 {
        let _ = fs::remove_file(&path);
        lapped(&path, true);
        let mut bytes = fs::read(&path).expect("reads");
        bytes[RING_AT as usize..].fill(number);
        fs::write(&path, &bytes).expect("writes");
        let opened = open(&path, CAPACITY, DATABASE).expect("opens");
        let id = opened.log.id();
        let renewed = opened.renew(super::Lsn(0)).expect("renews");
        let kept = folder.path().join(format!("log.corrupt-{number}"));
        assert_eq!(renewed.kept.as_deref(), Some(kept.as_path()));
        assert!(fs::read(&kept).expect("reads") == bytes, "as it was");
        assert!(renewed.log.id() != id && renewed.log.used() == 0, "the new one is another log, and empty");
    }
}
