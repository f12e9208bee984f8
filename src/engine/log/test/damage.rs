//! Logs that changed on the disk: what is whole is recovered, what is not is known, and nothing wrong is believed.

use std::{cell::Cell, fs, ops::ControlFlow, path::Path, sync::Arc};

use super::{
    super::{
        Draft, Lsn, Opened,
        header::RING_AT,
        op::OP_HEADER,
        record::{Header, RECORD_HEADER},
    },
    DATABASE, SEED, append, draft, one, open, texts,
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
    let lost = Cell::new(0);
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
            assert!(opened.is_damaged, "offset {offset}: it is known");
            let damaged = opened.content.damaged_bytes();
            assert!((1..128).contains(&damaged), "offset {offset}: {:?}", opened.content);
        }
        lost.set(lost.get() + missing.len());
    });
    assert!(lost.get() > 0, "some bytes are those of records");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    lapped(&path, true);
    let mut bytes = fs::read(&path).expect("reads");
    bytes[RING_AT as usize..].fill(0);
    fs::write(&path, &bytes).expect("writes");
    let opened = open(&path, CAPACITY, DATABASE).expect("opens");
    assert_eq!((found(&opened).len(), opened.is_damaged), (0, true), "all of it was punched out");
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

/// Bytes of a ring in which so much may be read in vain.
const SEARCHED: u64 = 8 << 20;

/// A record at `at` whose text is headers of so many records of that length: at each place something begins that is none.
fn hostile(at: Lsn, headers: u64, length: u32) -> Draft {
    // Up to the next place where a record may begin.
    let mut text = vec![0; 3];
    let first = at.0 + (RECORD_HEADER + OP_HEADER + "cid".len() + text.len()) as u64;
    for place in (first..).step_by(RECORD_HEADER).take(headers as usize) {
        let header = Header { length, time_ms: 0, is_padding: false }.encode(SEED, Lsn(place), 0);
        text.extend_from_slice(header.map(u64::to_le_bytes).as_flattened());
    }
    draft(&[(false, 0, "c".to_owned(), "id".to_owned(), text)])
}

/// The texts of what is found in a log of records like that, each of them damaged and with a whole one behind it.
fn found_behind(damaged: usize, headers: u64, length: u32) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let log = open(&path, SEARCHED, DATABASE).expect("opens").log;
    let places: Vec<u64> = (0..damaged)
        .map(|number| {
            let at = log.head();
            append(&log, &mut hostile(at, headers, length));
            append(&log, &mut one(&number.to_string()));
            at.0
        })
        .collect();
    log.sync().expect("syncs");
    drop(log);
    let mut bytes = fs::read(&path).expect("reads");
    places.iter().for_each(|at| bytes[(RING_AT + at) as usize] ^= 1);
    fs::write(&path, &bytes).expect("writes");
    let opened = open(&path, SEARCHED, DATABASE).expect("opens");
    assert!(opened.is_damaged);
    found(&opened)
}

#[test]
fn what_only_looks_like_a_record_does_not_hide_those_behind_it() {
    // Their operations would be longer than they are, so that nothing has to be read.
    assert_eq!(found_behind(2, 60_000, 0x000f_7fff), [b"0", b"1"]);
}

#[test]
fn a_search_that_reads_too_much_in_vain_ends() {
    // Each of them has an operation of up to 32 KiB, 16 on the average.
    let length = 1 << 20;
    assert_eq!(found_behind(1, 6000, length), [b"0"]);
    assert_eq!(found_behind(2, 6000, length), [b"0"], "what was read counts together");
    assert!(found_behind(1, 20_000, length).is_empty());
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
        let renewed = opened.renew(Lsn(0)).expect("renews");
        let kept = folder.path().join(format!("log.corrupt-{number}"));
        assert_eq!(renewed.kept.as_deref(), Some(kept.as_path()));
        assert!(fs::read(&kept).expect("reads") == bytes, "as it was");
        assert!(renewed.log.id() != id && renewed.log.used() == 0, "the new one is another log, and empty");
    }
}
