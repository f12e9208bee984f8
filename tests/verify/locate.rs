//! The files of a database are found, of this library and the old one, and one in use or half moved is refused.

use std::fs;

use kimdb::{
    Code, Former,
    verify::{locate, verify},
};
use rusqlite::Connection;

use crate::{
    common::{Home, set},
    sample::{killed, request},
};

#[test]
fn a_database_in_use_is_not_verified() {
    let (home, db) = killed();
    let error = verify(&request(&home), &mut |_, _| ()).expect_err("refuses");
    assert_eq!(error.code(), Code::Locked);
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    assert_eq!(locate(&home.base(), None).expect_err("refuses").code(), Code::Locked);
    db.close().expect("closes");
    // Nor one that is opened meanwhile.
    let mut is_first = true;
    let meanwhile = verify(&request(&home), &mut |_, _| {
        if std::mem::take(&mut is_first) {
            let db = home.open();
            set(&db, "users", "meanwhile", "1");
            db.close().expect("closes");
        }
    });
    assert_eq!(meanwhile.expect_err("refuses").code(), Code::Busy);
}

#[test]
fn the_files_of_a_database_are_located() {
    let home = Home::new();
    assert_eq!(locate(&home.base(), None).expect("looks").shards, 0);
    assert_eq!(locate(&home.path().join("no/folder/app"), None).expect("looks").shards, 0);
    assert_eq!(verify(&request(&home), &mut |_, _| ()).expect_err("refuses").code(), Code::Io);

    let elsewhere = Home::new();
    let log = elsewhere.path().join("the.log");
    let db = home.open_with(|options| (options.wal_path, options.wal_path_is_default) = (log.clone(), false));
    db.close().expect("closes");
    let located = locate(&home.base(), None).expect("looks");
    assert_eq!((located.shards, located.log_size), (4, Some(1 << 20)));
    assert_eq!(located.log.and_then(|log| log.canonicalize().ok()), log.canonicalize().ok());

    // Of a copy it is not the original's log, but one that was copied along.
    let copy = home.crash_image();
    assert_eq!(locate(&copy.base(), None).expect("looks").log, None);
    fs::copy(&log, copy.path().join("the.log")).expect("copies");
    assert_eq!(locate(&copy.base(), None).expect("looks").log, Some(copy.path().join("the.log")));
}

#[cfg(unix)]
#[test]
fn the_log_is_located_by_whatever_way_the_shards_are_named() {
    let (home, links) = (Home::new(), Home::new());
    home.open().close().expect("closes");
    (0..4)
        .for_each(|shard| std::os::unix::fs::symlink(home.shard(shard), links.shard(shard)).expect("links"));
    fs::remove_file(home.wal()).expect("removes");
    let canonical = |path: Option<std::path::PathBuf>| path.and_then(|path| path.canonicalize().ok());
    for (opened, other) in [(&links, &home), (&home, &links)] {
        opened.open().close().expect("closes");
        let log = canonical(Some(opened.wal()));
        assert!(log.is_some());
        for home in [opened, other] {
            assert_eq!(canonical(locate(&home.base(), None).expect("looks").log), log);
        }
        for home in [opened, other] {
            let report = verify(&request(home), &mut |_, _| ()).expect("verifies");
            assert_eq!(report.logs.len(), 1, "it is looked at: {report:?}");
        }
        fs::remove_file(opened.wal()).expect("removes");
    }
}

#[test]
fn an_old_file_of_all_shards_is_a_database_and_a_move_that_is_not_complete_cannot_be_verified() {
    let home = Home::new();
    let former = Former::OneFile(home.base());
    assert_eq!(locate(&home.base(), Some(&former)).expect("looks").shards, 0);
    Connection::open(home.base())
        .and_then(|connection| {
            connection.execute_batch(
                "CREATE TABLE users (id TEXT PRIMARY KEY, data TEXT, _version INTEGER, created_at TEXT, updated_at TEXT)",
            )
        })
        .expect("makes it");
    assert_eq!(locate(&home.base(), Some(&former)).expect("looks").shards, 1);
    assert_eq!(locate(&home.base(), None).expect("looks").shards, 0);

    std::fs::write(home.path().join("app.moved"), "").expect("writes");
    assert_eq!(verify(&request(&home), &mut |_, _| ()).expect_err("refuses").code(), Code::ShardCount);
    assert_eq!(locate(&home.base(), None).expect("looks").shards, 1);
}
