//! A sync of the log that fails is told, and no later one vouches for what it left out.

use std::{fs, path::Path, sync::Arc};

use kimdb::{Code, Database, Draft, Error};

use crate::{
    child::{child, failing_on, options, run, strace_works},
    common::{Home, observer::Witness, open, open_observed, record, set, value},
};

fn check_acknowledged(home: &Home) {
    let acknowledged = fs::read_to_string(home.path().join("acknowledged")).expect("some");
    let db = open(options(home));
    for id in acknowledged.lines() {
        assert_eq!(value(&db, "c", id), Some(("1".to_owned(), 1)), "{id}");
    }
    // It works again.
    set(&db, "c", "after", "1");
    db.close().expect("closes");
}

/// Writes durably until that has succeeded `count` times, some of it after a failure; says what failed meanwhile.
fn write_through(
    db: &Arc<Database>,
    folder: &Path,
    count: usize,
    write: impl Fn(&mut Draft) -> Result<(), Error>,
) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut acknowledged = String::new();
    for attempt in 0.. {
        let id = format!("id{attempt}");
        match write(&mut record(db, &[("c", &id, Some("1"))])) {
            Ok(()) => {
                acknowledged.push_str(&format!("{id}\n"));
                fs::write(folder.join("acknowledged"), &acknowledged).expect("writes");
            }
            Err(error) => {
                errors.push(error);
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        if acknowledged.lines().count() == count {
            break;
        }
        assert!(errors.len() < 6000, "it goes on in the end: {}", errors[0]);
    }
    errors
}

#[test]
fn after_a_failed_sync_the_log_goes_over_to_another_file() {
    if let Some(options) = child() {
        let folder = options.base.parent().expect("a folder").to_owned();
        let witness = Witness::new();
        let wal = options.wal_path.clone();
        let db = open_observed(options, &witness);
        let before = number_of(&wal);
        // Or a third file could get the number of the first.
        let _first = fs::File::open(&wal).expect("opens");
        let errors = write_through(&db, &folder, 20, |draft| db.submit_durable_wait(draft));
        assert_eq!(errors, [], "whoever waited is on the disk, in the other file");
        assert!(witness.saw(Code::Io), "it is told");
        assert_ne!(number_of(&wal), before, "a later sync of the same file would prove nothing");
        std::process::exit(if db.stats().buffer_size == 20 { 7 } else { 8 });
    }
    if strace_works() {
        for failing in [3, 4, 7] {
            let home = Home::new();
            let inject = format!("fdatasync:error=EIO:when={failing}");
            let output = run(
                failing_on(&inject, Some(&home.wal())),
                "sync::after_a_failed_sync_the_log_goes_over_to_another_file",
                &home,
            );
            assert_eq!(output.status.code(), Some(7), "{inject}: {output:?}");
            check_acknowledged(&home);
        }
    }
}

#[cfg(unix)]
fn number_of(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).expect("is there"))
}

#[cfg(not(unix))]
fn number_of(_: &Path) -> u64 {
    unreachable!("there is no strace")
}

#[test]
fn while_nothing_can_be_synced_writes_are_refused_and_then_go_on() {
    if let Some(options) = child() {
        let folder = options.base.parent().expect("a folder").to_owned();
        let witness = Witness::new();
        let db = open_observed(options, &witness);
        // By the sync thread, whose calls are counted then.
        let write = |draft: &mut Draft| {
            let (tell, told) = flume::bounded(1);
            db.submit_durable(draft, Box::new(move |result| drop(tell.send(result))))?;
            told.recv().expect("is told")
        };
        let errors = write_through(&db, &folder, 60, write);
        assert!(!errors.is_empty() && errors.iter().all(|error| error.code() == Code::Io), "{errors:?}");
        assert_eq!(witness.errors().len(), 1, "told once: {:?}", witness.errors());
        std::process::exit(7);
    }
    if strace_works() {
        let home = Home::new();
        // Calls are counted by thread, of any file: the one that opens the database makes fewer.
        let command = failing_on("fdatasync:error=EIO:when=30..35", None);
        let output =
            run(command, "sync::while_nothing_can_be_synced_writes_are_refused_and_then_go_on", &home);
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        check_acknowledged(&home);
    }
}
