//! System calls that fail: full disks, failed syncs, limits of the process. An error is told, nothing that was
//! acknowledged is lost, and no later success hides a loss.
//!
//! Each test re-executes itself as a child under `strace`, which makes calls fail, or under a limit of the shell.
//! Where that is not possible it says so and passes.

mod common;

use std::{
    env, fs,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use common::{
    Home, all, get, hold, observer::Witness, open, open_observed, record, set, try_open, until, value,
};
use kimdb::{Code, Database, Error, Options};

/// The variable with the folder of the database, set for a child.
const CHILD: &str = "KIMDB_TEST_FAULTS";

/// The child's database, or `None` in the test itself.
fn child() -> Option<Options> {
    let folder = env::var_os(CHILD)?;
    Some(Options {
        shard_count: 2,
        wal_size: 1 << 18,
        flush_interval_ms: 3_600_000,
        ..Options::new(Path::new(&folder).join("app"))
    })
}

fn options(home: &Home) -> Options {
    Options { shard_count: 2, wal_size: 1 << 18, ..home.options() }
}

fn strace_works() -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "true"]).stderr(Stdio::null());
    let works = command.status().is_ok_and(|status| status.success());
    if !works {
        println!("skipped: strace is not there or may not trace");
    }
    works
}

/// Runs the test of this name as a child.
fn run(mut command: Command, test: &str, home: &Home) -> Output {
    command.arg(env::current_exe().expect("this file"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, home.path());
    command.output().expect("starts")
}

/// A command under which calls fail, on one file or on all: `call:error=E:when=N`.
fn failing_on(inject: &str, file: Option<&Path>) -> Command {
    let mut command = Command::new("strace");
    let call = inject.split(':').next().expect("a call");
    command.args(["-f", "-qq", "-o", "/dev/null"]);
    command.args(["-e", &format!("trace={call}"), "-e", &format!("inject={inject}")]);
    if let Some(file) = file {
        command.arg("-P").arg(file);
    }
    command
}

/// Runs the child with calls that fail on one file.
fn with_failing(inject: &str, file: &Path, test: &str, home: &Home) {
    check(&run(failing_on(inject, Some(file)), test, home), inject);
}

fn check(output: &Output, what: &str) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{what}: {}\n{out}\n{err}", output.status);
}

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
fn write_through(db: &Arc<Database>, folder: &Path, count: usize) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut acknowledged = String::new();
    for attempt in 0.. {
        let id = format!("id{attempt}");
        match db.submit_durable_wait(&mut record(db, &[("c", &id, Some("1"))])) {
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
        let errors = write_through(&db, &folder, 20);
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
                "after_a_failed_sync_the_log_goes_over_to_another_file",
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
        let errors = write_through(&db, &folder, 60);
        assert!(!errors.is_empty() && errors.iter().all(|error| error.code() == Code::Io), "{errors:?}");
        assert_eq!(witness.errors().len(), 1, "told once: {:?}", witness.errors());
        std::process::exit(7);
    }
    if strace_works() {
        let home = Home::new();
        // Calls are counted by thread, of any file: the one that opens the database makes fewer.
        let command = failing_on("fdatasync:error=EIO:when=30..35", None);
        let output = run(command, "while_nothing_can_be_synced_writes_are_refused_and_then_go_on", &home);
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        check_acknowledged(&home);
    }
}

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
            with_failing(&inject, &wal, "a_failed_sync_of_a_shard_gives_no_log_space_back", &home);
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
            with_failing(&inject, &wal, "a_shard_whose_writes_fail_is_tried_again", &home);
            let db = open(options(&home));
            assert_eq!((db.recovered(), all(&db, "c", u64::MAX).len()), (0, 300));
        }
    }
}

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
        check(&run(command, "a_disk_too_full_for_the_log_is_an_error_and_leaves_nothing", &home), "no space");
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
        check(&run(command, "a_file_system_that_cannot_reserve_space_gets_zeros", &home), "no fallocate");
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

#[cfg(unix)]
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
    check(&run(command, "a_limit_of_file_sizes_is_an_error", &home), "a limit of file sizes");
    drop(open(options(&home)));
}

#[cfg(unix)]
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
    check(&run(command, "a_limit_of_open_files_is_an_error", &home), "a limit of open files");
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
    let output = run(command, "a_kill_while_one_shard_is_held_loses_nothing", &home);
    assert!(String::from_utf8_lossy(&output.stdout).contains("aborting"), "{output:?}");
    let db = open(options(&home));
    for i in 0..200 {
        assert_eq!(value(&db, "c", &format!("id{i}")), Some(("1".to_owned(), 1)), "document {i}");
    }
}

#[cfg(unix)]
#[test]
fn while_no_file_can_be_opened_nothing_is_lost_and_then_it_goes_on() {
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
        until("the log cannot be given back, and that is told", || witness.saw(Code::Io));
        drop(taken);
        until("all is flushed", || db.stats().buffer_size == 0 && !db.has_waiting());
        for i in 0..80 {
            assert_eq!(value(&db, "c", &format!("id{i}")), Some((text.clone(), 1)), "document {i}");
        }
        db.close().expect("closes");
        return;
    }
    let home = Home::new();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 100 && exec \"$@\"", "sh"]);
    let test = "while_no_file_can_be_opened_nothing_is_lost_and_then_it_goes_on";
    check(&run(command, test, &home), "no file can be opened");
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
        let test = "an_opening_that_cannot_sync_the_log_brings_nothing_to_a_shard";
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
            &run(command, "an_opening_that_is_given_no_thread_to_recover_does_that_itself", &home),
            "no thread",
        );
    }
}
