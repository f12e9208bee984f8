//! Files that fail, or are not what they should be.

use std::{fs, sync::Arc};

use super::{
    super::{Access, file, header::RING_AT},
    DATABASE, append, one, open, texts,
};
use crate::engine::{error::Code, io::gated::Gated, options::Backend};

const CAPACITY: u64 = 1 << 16;

#[test]
fn after_a_sync_that_failed_none_succeeds_before_there_is_another_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Gated::default();
    let access = Access { files: Arc::new(files.clone()), backend: Backend::Mmap, capacity: CAPACITY };
    let log = file::open(&folder.path().join("log"), DATABASE, &access).expect("opens").log;
    append(&log, &mut one("text"));
    log.sync().expect("syncs");
    append(&log, &mut one("more"));
    *files.is_losing.lock() = true;
    log.sync().expect_err("loses");
    *files.is_losing.lock() = false;
    // Whoever comes next, on whichever thread, must not take it for good.
    log.sync().expect_err("nobody tells what was lost");
    assert!(log.synced() < log.head());
    log.replace().expect("goes over to another file");
    log.sync().expect("syncs");
    assert_eq!(texts(&log), [b"text", b"more"]);
}

#[test]
#[cfg(unix)]
fn where_another_file_cannot_be_mapped_nothing_goes_to_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let files = Gated::default();
    let access = Access { files: Arc::new(files.clone()), backend: Backend::Mmap, capacity: CAPACITY };
    let log = file::open(&path, DATABASE, &access).expect("opens").log;
    append(&log, &mut one("text"));
    *files.is_unmappable.lock() = true;
    log.replace().expect_err("cannot be mapped");
    // What has the log's name is the new file, which this would not be in.
    log.append(&mut one("lost"), || unreachable!("refused")).expect_err("has no file");
    assert_eq!(open(&path, CAPACITY, DATABASE).expect_err("is in use").code(), Code::Locked);
    *files.is_unmappable.lock() = false;
    log.replace().expect("goes over to a third");
    append(&log, &mut one("more"));
    drop(log);
    let log = file::open(&path, DATABASE, &access).expect("opens").log;
    assert_eq!(texts(&log), [b"text", b"more"]);
}

#[test]
#[cfg(unix)]
fn a_file_with_holes_gets_its_blocks_before_it_is_mapped() {
    use std::os::unix::fs::{FileExt, MetadataExt};
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let log = open(&path, CAPACITY, DATABASE).expect("opens").log;
    append(&log, &mut one("text"));
    log.sync().expect("syncs");
    drop(log);
    // What a program that makes holes of zeros leaves of the headers and the first page of the ring.
    let front = fs::read(&path).expect("reads")[..RING_AT as usize + 4096].to_vec();
    fs::remove_file(&path).expect("removes");
    let copy = fs::File::create(&path).expect("makes");
    copy.set_len(RING_AT + CAPACITY).expect("makes it as long");
    copy.write_all_at(&front, 0).expect("writes");
    let has_all = || fs::metadata(&path).is_ok_and(|found| found.blocks() * 512 >= found.len());
    assert!(!has_all());
    let log = open(&path, CAPACITY, DATABASE).expect("opens").log;
    assert!(has_all());
    assert_eq!(texts(&log), [b"text"]);
}

#[test]
#[cfg(unix)]
fn a_file_that_lost_its_name_is_not_said_to_be_on_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let log = open(&path, CAPACITY, DATABASE).expect("opens").log;
    let first = append(&log, &mut one("first"));
    fs::remove_file(&path).expect("removes");
    let second = append(&log, &mut one("second"));
    log.reclaim(first).expect("the shards have it");
    assert!(log.synced() < second);
}

#[test]
#[cfg(unix)]
fn a_file_larger_than_memory_that_is_no_log_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let file = fs::File::create(&path).expect("makes");
    file.set_len(1 << 42).expect("grows");
    assert_eq!(open(&path, CAPACITY, DATABASE).expect_err("is no log").code(), Code::WalMismatch);
}
