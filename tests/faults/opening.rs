//! An opening that lacks space, threads or a sync does without or is an error, and leaves the data whole.

use std::{fs, path::Path, sync::Arc};

use kimdb::{Code, Options};

use crate::{
    child::{check, child, failing_on, options, run, strace_works, with_failing},
    common::{
        Home, all,
        failing::{Failing, What},
        get, noted, open, record, set, try_open, until,
    },
};

#[test]
fn a_disk_too_full_for_the_log_is_an_error_and_leaves_nothing() {
    if let Some(options) = child() {
        let error = try_open(options.clone()).expect_err("no space");
        assert_eq!(error.code(), Code::DiskFull, "{error}");
        assert!(!options.wal_path.exists());
        return;
    }
    if strace_works() {
        let home = Home::new();
        let command = failing_on("fallocate:error=ENOSPC", None);
        check(
            &run(command, "opening::a_disk_too_full_for_the_log_is_an_error_and_leaves_nothing", &home),
            "no space",
        );
        let names =
            fs::read_dir(home.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains("wal")).collect();
        assert!(left.iter().all(|name| name.to_string_lossy().ends_with(".db-wal")), "{left:?}");
        let db = open(options(&home));
        set(&db, "c", "a", "1");
        db.close().expect("closes");
    }
}

#[test]
fn a_file_system_that_cannot_reserve_space_gets_zeros() {
    if let Some(options) = child() {
        let wal = options.wal_path.clone();
        let db = open(options);
        assert!(blocks(&wal) >= 1 << 18, "no holes");
        set(&db, "c", "a", "1");
        db.close().expect("closes");
        return;
    }
    if strace_works() {
        let home = Home::new();
        let command = failing_on("fallocate:error=EOPNOTSUPP", None);
        check(
            &run(command, "opening::a_file_system_that_cannot_reserve_space_gets_zeros", &home),
            "no fallocate",
        );
        assert!(get(&open(options(&home)), "c", "a").is_some());
    }
}

#[cfg(unix)]
fn blocks(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).expect("is there").blocks() * 512
}

#[cfg(not(unix))]
fn blocks(path: &Path) -> u64 {
    fs::metadata(path).expect("is there").len()
}

/// A folder as a killed process leaves it, with so many writes in the log alone.
fn killed_with(writes: usize) -> Home {
    let home = Home::new();
    let db = open(options(&home));
    for i in 0..writes {
        set(&db, "c", &format!("id{i}"), "1");
    }
    home.crash_image()
}

#[test]
fn an_opening_that_cannot_sync_the_log_brings_nothing_to_a_shard() {
    if let Some(options) = child() {
        assert_eq!(try_open(options).expect_err("the log is not synced").code(), Code::Io);
        return;
    }
    if strace_works() {
        let home = killed_with(50);
        let test = "opening::an_opening_that_cannot_sync_the_log_brings_nothing_to_a_shard";
        with_failing("fdatasync:error=EIO", &home.wal(), test, &home);
        let db = open(options(&home));
        assert_eq!((db.recovered(), all(&db, "c", u64::MAX).len()), (50, 50));
    }
}

#[test]
fn an_opening_that_is_given_no_thread_to_recover_does_that_itself() {
    if let Some(options) = child() {
        let db = open(options);
        assert_eq!((db.recovered(), all(&db, "c", u64::MAX).len()), (50, 50));
        return;
    }
    if strace_works() {
        let home = killed_with(50);
        // One to sync the log and one for each shard.
        let command = failing_on("clone3:error=EAGAIN:when=1..3", None);
        check(
            &run(command, "opening::an_opening_that_is_given_no_thread_to_recover_does_that_itself", &home),
            "no thread",
        );
    }
}

#[test]
fn damage_is_told_although_the_opening_that_finds_it_fails() {
    let home = Home::new();
    let db = home.open();
    for id in ["first", "second", "third"] {
        let mut draft = record(&db, &[("c", id, Some("\"whole\""))]);
        db.submit_durable_wait(&mut draft).expect("writes");
    }
    let used = db.stats().wal_bytes;
    until("the log knows that it is on the disk", || noted(&fs::read(home.wal()).expect("reads")) >= used);
    let image = home.crash_image();
    let mut log = fs::read(image.wal()).expect("reads");
    let at = log.windows(6).position(|bytes| bytes == b"second").expect("is there");
    log[at] ^= 1;
    fs::write(image.wal(), &log).expect("writes");

    let disk = Failing::new(What::Syncs, ".moving");
    disk.switch(true);
    let options = Options { shard_count: 8, files: Arc::new(disk), ..image.options() };
    let error = try_open(options).expect_err("it cannot move the documents").to_string();
    assert!(error.contains(".moving") && error.contains("writes are lost"), "{error}");
}

#[test]
fn a_move_whose_files_cannot_be_looked_at_for_a_moment_loses_nothing() {
    if let Some(options) = child() {
        // It may fail.
        let options = Options { shard_count_is_default: false, ..options };
        let _ = try_open(options).map(|db| db.close());
        return;
    }
    if strace_works() {
        let test = "opening::a_move_whose_files_cannot_be_looked_at_for_a_moment_loses_nothing";
        for (file, at) in [(".moved", 1), (".moved", 2), (".moved", 3)]
            .into_iter()
            .chain((1..6).map(|at| ("_shard1.db.moving", at)))
        {
            let home = Home::new();
            let db = open(Options { shard_count: 3, ..options(&home) });
            for i in 0..30 {
                set(&db, "c", &format!("id{i}"), "1");
            }
            db.close().expect("closes");
            let inject = format!("statx:error=EIO:when={at}");
            with_failing(&inject, &home.path().join(format!("app{file}")), test, &home);
            let db = open(options(&home));
            assert_eq!(all(&db, "c", 100).len(), 30, "{file} {at}");
        }
    }
}

#[test]
fn a_file_in_the_place_of_a_lock_stays_as_it_is() {
    for name in ["app.lock", "app.opening"] {
        let home = Home::new();
        let place = home.path().join(name);
        let theirs = || Options { wal_path: place.clone(), ..Options::new(home.path().join("theirs")) };
        let db = open(theirs());
        set(&db, "c", "a", "1");
        db.close().expect("closes");
        drop(db);
        let log = fs::read(&place).expect("is there");
        let error = try_open(options(&home)).expect_err("there is no place for the lock");
        assert!(error.code() == Code::Io && error.path() == Some(&*place), "{error}");
        assert!(fs::read(&place).expect("is there") == log);
        assert!(get(&open(theirs()), "c", "a").is_some());
        // What a power cut leaves of a lock.
        fs::write(&place, [0; 8]).expect("writes");
        open(options(&home)).close().expect("closes");
        assert!(!place.exists());
    }
}
