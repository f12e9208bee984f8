//! A shard whose disk fails, or that others have written to.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
    thread,
    time::Duration,
};

use rusqlite::Connection;

use super::{LOG, set};
use crate::engine::{
    io::{FileSystem, gated::Gated},
    log::Lsn,
    shard::{Batch, Store},
};

/// One shard on a disk that says what it was asked for, and where SQLite's log of it is.
struct Shard {
    _folder: tempfile::TempDir,
    files: Gated,
    store: Arc<dyn Store>,
    wal: PathBuf,
}

fn shard() -> Shard {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Gated::default();
    let file_system: Arc<dyn FileSystem> = Arc::new(files.clone());
    let set = set::open(&folder.path().join("app"), 1, true, &file_system).expect("opens");
    let store = set.attach(LOG).expect("attaches").0.remove(0);
    let wal = folder.path().join("app_shard0.db-wal");
    Shard { _folder: folder, files, store, wal }
}

#[test]
fn a_collection_goes_on_record_while_its_shard_is_mended() {
    let Shard { _folder, store, .. } = shard();
    // Another program holds the shard for a moment, so that the record takes its time.
    let other = Connection::open(store.path()).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("holds it");
    let (tell, told) = flume::bounded(2);
    let run = |work: fn(&dyn Store)| {
        let (store, tell) = (Arc::clone(&store), tell.clone());
        thread::spawn(move || {
            work(&*store);
            tell.send(()).expect("is awaited");
        });
        thread::sleep(Duration::from_millis(20));
    };
    // Whether one of them fails, because the shard is held for too long, says nothing.
    run(|store| drop(store.record(&[("new".to_owned(), "new".to_owned())])));
    run(|store| drop(store.reopen(&mut || Ok(()))));
    other.execute_batch("ROLLBACK").expect("lets go");
    for _ in 0..2 {
        told.recv_timeout(Duration::from_secs(60)).expect("neither waits for the other");
    }
    store.record(&[("next".to_owned(), "next".to_owned())]).expect("goes on");
}

#[test]
fn syncs_go_by_one_handle_until_the_shard_is_mended() {
    let Shard { _folder, files, store, wal } = shard();
    let opened = || files.opened.lock().drain(..).filter(|path| *path == wal).count();
    let commit = || store.record(&[("new".to_owned(), "new".to_owned())]).expect("records");
    opened();
    for _ in 0..3 {
        commit();
        store.sync().expect("syncs");
    }
    assert_eq!(opened(), 0, "it was opened with the shard");
    commit();
    *files.is_losing.lock() = true;
    store.sync().expect_err("loses");
    *files.is_losing.lock() = false;
    store.sync().expect_err("a later one proves nothing");
    store.reopen(&mut || Ok(())).expect("is mended");
    store.sync().expect("syncs");
}

#[test]
fn what_another_process_left_is_written_again_before_it_counts_as_on_the_disk() {
    let Shard { _folder, files, store, wal } = shard();
    store.record(&[("new".to_owned(), "new".to_owned())]).expect("is on record");
    files.calls.lock().clear();
    store.sync_anew().expect("syncs");
    let length = std::fs::metadata(&wal).expect("is there").len();
    let written: u64 = files.calls.lock().iter().map(|(from, to)| to - from).sum();
    assert!(length > 0);
    assert_eq!(written, length);
}

#[test]
fn what_is_on_the_disk_is_not_synced_again_and_whatever_was_committed_is() {
    let Shard { _folder, files, store, wal } = shard();
    let batch = |end| Batch { log: LOG, end: Lsn(end), side: None, groups: Vec::new() };
    let commits: [(&str, &dyn Fn()); 4] = [
        ("apply", &|| store.apply(&batch(1)).expect("applies")),
        ("record", &|| drop(store.record(&[("a".to_owned(), "a".to_owned())]).expect("records"))),
        ("forget_other_logs", &|| store.forget_other_logs().expect("forgets")),
        ("forget_log", &|| store.forget_log().expect("forgets")),
    ];
    let is_losing = |is: bool| *files.is_losing.lock() = is;
    store.sync().expect("syncs what was there");
    for (name, commit) in commits {
        is_losing(true);
        store.sync().expect("has nothing to do");
        commit();
        *files.panicking.lock() = Some("-wal");
        catch_unwind(AssertUnwindSafe(|| store.sync())).expect_err("the file system is broken");
        *files.panicking.lock() = None;
        store.sync().expect_err(name);
        is_losing(false);
        store.reopen(&mut || Ok(())).expect("is mended and synced");
    }
    is_losing(true);
    assert!(store.remember_log(&wal, Some(&wal)).is_err(), "it syncs what it commits");
}

#[test]
fn a_log_of_sqlite_that_is_removed_is_missed_though_there_is_nothing_to_sync() {
    let Shard { _folder, store, wal, .. } = shard();
    store.sync().expect("syncs what was there");
    std::fs::remove_file(wal).expect("removes it");
    let error = store.sync().expect_err("it is missed");
    assert!(error.to_string().contains("was removed while it was open"), "{error}");
}
