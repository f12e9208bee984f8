//! A flush that fails gives no log space back, is told and tried again, and loses nothing.

use std::{fs, process::Command};

use kimdb::Options;

use crate::{
    child::{child, options, run, strace_works, with_failing},
    common::{Home, all, hold, observer::Witness, open, open_observed, set, until, value},
};

#[test]
fn a_failed_sync_of_a_shard_gives_no_log_space_back() {
    if let Some(options) = child() {
        let folder = options.base.parent().expect("a folder").to_owned();
        // The log may fill up behind the shard that failed.
        let db = open(Options { flush_interval_ms: 1, buffer_size: 10, write_timeout_ms: 300, ..options });
        let text = format!("\"{}\"", "x".repeat(5000));
        for i in 0..2000 {
            if db.set(&db.collection("c"), &format!("id{i}"), text.as_bytes()).is_err() {
                break;
            }
            fs::write(folder.join("acknowledged"), (i + 1).to_string()).expect("writes");
        }
        let _ = db.close();
        return;
    }
    if strace_works() {
        for failing in ["2", "3", "2+"] {
            let home = Home::new();
            let wal = home.path().join("app_shard1.db-wal");
            let inject = format!("fdatasync:error=EIO:when={failing}");
            with_failing(&inject, &wal, "flush::a_failed_sync_of_a_shard_gives_no_log_space_back", &home);
            let count: u64 = fs::read_to_string(home.path().join("acknowledged"))
                .expect("some")
                .parse()
                .expect("a number");
            let db = open(options(&home));
            for i in 0..count {
                assert_eq!(
                    value(&db, "c", &format!("id{i}")).map(|found| found.1),
                    Some(1),
                    "document {i} of {count}"
                );
            }
        }
    }
}

#[test]
fn a_shard_whose_writes_fail_is_tried_again() {
    if let Some(options) = child() {
        let witness = Witness::new();
        let db = open_observed(Options { flush_interval_ms: 1, buffer_size: 10, ..options }, &witness);
        for i in 0..300 {
            set(&db, "c", &format!("id{i}"), "1");
        }
        until("a write failed and was told", || !witness.errors().is_empty());
        until("all is flushed in the end", || db.stats().buffer_size == 0);
        for i in 0..300 {
            assert_eq!(value(&db, "c", &format!("id{i}")), Some(("1".to_owned(), 1)), "document {i}");
        }
        db.close().expect("closes");
        return;
    }
    if strace_works() {
        for error in ["EIO", "ENOSPC"] {
            let home = Home::new();
            // Threads count for themselves: what the opening writes must not be hit.
            open(options(&home)).close().expect("closes");
            let wal = home.path().join("app_shard1.db-wal");
            let inject = format!("pwrite64:error={error}:when=2..3");
            with_failing(&inject, &wal, "flush::a_shard_whose_writes_fail_is_tried_again", &home);
            let db = open(options(&home));
            assert_eq!((db.recovered(), all(&db, "c", u64::MAX).len()), (0, 300));
        }
    }
}

#[test]
fn a_kill_while_one_shard_is_held_loses_nothing() {
    if let Some(options) = child() {
        let db = open(Options { flush_interval_ms: 1, buffer_size: 10, ..options });
        let held = hold(db.shard_path(1).expect("is there"));
        for i in 0..200 {
            set(&db, "c", &format!("id{i}"), "1");
        }
        let count = "SELECT count(*) FROM c";
        until("the other shard has its part", || {
            let rows = db.shard_query(0, count, &[]);
            rows.is_ok_and(|rows| rows.rows[0][0] != 0.into())
        });
        println!("aborting");
        std::mem::forget(held);
        std::process::abort();
    }
    let home = Home::new();
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$@\"", "sh"]);
    let output = run(command, "flush::a_kill_while_one_shard_is_held_loses_nothing", &home);
    assert!(String::from_utf8_lossy(&output.stdout).contains("aborting"), "{output:?}");
    let db = open(options(&home));
    for i in 0..200 {
        assert_eq!(value(&db, "c", &format!("id{i}")), Some(("1".to_owned(), 1)), "document {i}");
    }
}
