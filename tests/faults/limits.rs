//! Limits that a shell sets for what it runs: so many open files, files of such a size.

use std::{fs, process::Command, sync::mpsc};

use kimdb::{Code, Options};
use rusqlite::Connection;

use crate::{
    child::{check, child, options, run},
    common::{Home, all, observer::Witness, open, open_observed, record, set, try_open, until, value},
};

/// What is run behind it has that limit, as the shell's `ulimit` takes it.
fn limited(limit: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit {limit} && exec \"$@\""), "sh"]);
    command
}

#[test]
fn a_limit_of_file_sizes_is_an_error() {
    if let Some(options) = child() {
        let error = try_open(options).expect_err("too large a file");
        assert!(matches!(error.code(), Code::Io | Code::DiskFull), "{error}");
        return;
    }
    let home = Home::new();
    // Blocks of 512 or 1,024 bytes: more than the shards need, less than the log.
    let command = limited("-f 200");
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
    let command = limited("-n 40");
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
    let command = limited("-n 100");
    let test = "limits::while_no_file_can_be_opened_reads_writes_and_flushes_go_on";
    check(&run(command, test, &home), "no file can be opened");
}

#[test]
fn a_collection_that_cannot_be_looked_up_is_not_said_to_be_empty() {
    if let Some(options) = child() {
        let options = Options { shard_count: 1, ..options };
        let file = format!("{}_shard0.db", options.base.display());
        let db = open(options);
        let other = Connection::open(file).expect("opens");
        other
            .execute_batch(
                "CREATE TABLE users (id TEXT PRIMARY KEY, data TEXT NOT NULL, _version INTEGER DEFAULT 1,
                     created_at TEXT DEFAULT CURRENT_TIMESTAMP, updated_at TEXT DEFAULT CURRENT_TIMESTAMP);
                 INSERT INTO users (id, data) VALUES ('a', '1');
                 INSERT INTO _kimdb_collection VALUES ('users', 'users')",
            )
            .expect("another process makes it");
        let mut taken = Vec::new();
        while let Ok(file) = fs::File::open("/dev/null") {
            taken.push(file);
        }
        let users = db.collection("users");
        assert_eq!(db.get(&users, "a", &mut Vec::new()).expect_err("unknown").code(), Code::Io);
        let (tell, told) = mpsc::channel();
        db.newest("users", 9, move |result| drop(tell.send(result.map(drop)))).expect("asks");
        assert_eq!(told.recv().expect("an answer").expect_err("unknown").code(), Code::Io);
        drop(taken);
        assert_eq!(all(&db, "users", 9), [("a".to_owned(), "1".to_owned(), 1)]);
        assert_eq!(value(&db, "users", "a"), Some(("1".to_owned(), 1)));
        return;
    }
    let home = Home::new();
    let command = limited("-n 100");
    let test = "limits::a_collection_that_cannot_be_looked_up_is_not_said_to_be_empty";
    check(&run(command, test, &home), "a collection that cannot be looked up");
}
