//! Limits that a shell sets for what it runs: so many open files, files of such a size.

use std::{fs, process::Command};

use kimdb::{Code, Options};

use crate::{
    child::{check, child, options, run},
    common::{Home, observer::Witness, open, open_observed, record, set, try_open, until, value},
};

#[test]
fn a_limit_of_file_sizes_is_an_error() {
    if let Some(options) = child() {
        let error = try_open(options).expect_err("too large a file");
        assert!(matches!(error.code(), Code::Io | Code::DiskFull), "{error}");
        return;
    }
    let home = Home::new();
    let mut command = Command::new("sh");
    // Blocks of 512 or 1,024 bytes: more than the shards need, less than the log.
    command.args(["-c", "ulimit -f 200 && exec \"$@\"", "sh"]);
    check(&run(command, "limits::a_limit_of_file_sizes_is_an_error", &home), "a limit of file sizes");
    drop(open(options(&home)));
}

#[test]
fn a_limit_of_open_files_is_an_error() {
    if let Some(options) = child() {
        let error = try_open(Options { shard_count: 64, ..options.clone() }).expect_err("too many files");
        assert!(matches!(error.code(), Code::Io), "{error}");
        drop(open(options));
        return;
    }
    let home = Home::new();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 40 && exec \"$@\"", "sh"]);
    check(&run(command, "limits::a_limit_of_open_files_is_an_error", &home), "a limit of open files");
}

#[test]
fn while_no_file_can_be_opened_reads_writes_and_flushes_go_on() {
    if let Some(options) = child() {
        let witness = Witness::new();
        let db = open_observed(Options { flush_interval_ms: 1, buffer_size: 10, ..options }, &witness);
        set(&db, "c", "before", "1");
        db.flush_wait().expect("flushes");
        let mut taken = Vec::new();
        while let Ok(file) = fs::File::open("/dev/null") {
            taken.push(file);
        }
        let text = format!("\"{}\"", "x".repeat(5000));
        for i in 0..80 {
            db.submit(&mut record(&db, &[("c", &format!("id{i}"), Some(&text))]), || Box::new(|_| ()))
                .expect("is taken");
        }
        assert_eq!(value(&db, "c", "before"), Some(("1".to_owned(), 1)), "reads go on");
        until("all is flushed", || db.stats().buffer_size == 0 && !db.has_waiting());
        assert_eq!(witness.errors(), []);
        drop(taken);
        for i in 0..80 {
            assert_eq!(value(&db, "c", &format!("id{i}")), Some((text.clone(), 1)), "document {i}");
        }
        db.close().expect("closes");
        return;
    }
    let home = Home::new();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 100 && exec \"$@\"", "sh"]);
    let test = "limits::while_no_file_can_be_opened_reads_writes_and_flushes_go_on";
    check(&run(command, test, &home), "no file can be opened");
}
