//! Several threads, several handles, several processes.

mod common;

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use common::{
    Home, all, check_integrity, delete, found, get, observer::Witness, open, open_observed, record, refused,
    set, try_open, until, value,
};
use kimdb::{Code, Options};

const THREADS: u64 = 4;

fn tiny(home: &Home) -> Options {
    Options { wal_size: 1 << 15, ..home.busy_options() }
}

/// The number in a document's text.
fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

#[test]
fn each_thread_sees_its_own_writes_at_once() {
    let home = Home::new();
    let db = open(tiny(&home));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let db = &db;
            scope.spawn(move || {
                let id = format!("thread{thread}");
                let mut version = 0;
                for round in 1..2000_u64 {
                    set(db, "c", &id, round.to_string());
                    version += 1;
                    assert_eq!(value(db, "c", &id), Some((round.to_string(), version)), "round {round}");
                    if round % 100 == thread {
                        delete(db, "c", &id);
                        assert_eq!(get(db, "c", &id), None);
                        version = 0;
                    }
                }
            });
        }
    });
    assert_eq!(all(&db, "c", u64::MAX).len(), THREADS as usize);
    db.close().expect("closes");
    check_integrity(&home);
}

#[test]
fn writes_of_many_threads_to_one_document_are_all_counted() {
    let home = Home::new();
    let db = open(tiny(&home));
    let each = 1000;
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let db = &db;
            scope.spawn(move || {
                for i in 0..each {
                    set(db, "c", "shared", (thread * each + i).to_string());
                }
            });
        }
    });
    let (text, version) = value(&db, "c", "shared").expect("is there");
    assert_eq!(version, THREADS * each);
    assert_eq!(number(&text) % each, each - 1, "the last write of some thread");
    db.flush_wait().expect("flushes");
    assert_eq!(get(&db, "c", "shared"), found(text, version, false));
}

#[test]
fn text_and_version_of_a_read_belong_together() {
    let home = Home::new();
    let db = open(Options { batch_size: 3, ..tiny(&home) });
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for thread in 0..2 {
            let (db, stop) = (&db, &stop);
            // Each write's text is the version that it makes.
            scope.spawn(move || {
                for version in 1..4000_u64 {
                    set(db, "c", &format!("id{thread}"), version.to_string());
                }
                stop.store(true, Ordering::Relaxed);
            });
            scope.spawn(move || {
                let mut last = 0;
                while !stop.load(Ordering::Relaxed) {
                    if let Some((text, version)) = value(db, "c", &format!("id{thread}")) {
                        assert_eq!(number(&text), version, "text and version");
                        assert!(version >= last, "version {version} was read after {last}");
                        last = version;
                    }
                }
            });
        }
    });
}

#[test]
fn records_are_seen_as_a_whole_or_not_at_all_after_a_flush() {
    let home = Home::new();
    let db = open(tiny(&home));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let db = &db;
            scope.spawn(move || {
                for round in 0..200_u64 {
                    let text = (thread * 1000 + round).to_string();
                    let ids: Vec<String> = (0..8).map(|i| format!("id{i}")).collect();
                    let ops: Vec<_> = ids.iter().map(|id| ("c", id.as_str(), Some(text.as_str()))).collect();
                    db.submit_wait(&mut record(db, &ops)).expect("writes");
                }
            });
        }
    });
    db.flush_wait().expect("flushes");
    let documents = all(&db, "c", 99);
    assert_eq!(documents.len(), 8);
    for (id, text, version) in &documents {
        assert_eq!((text, *version), (&documents[0].1, THREADS * 200), "{id}: all eight from one record");
    }
}

#[test]
fn flushes_reads_scans_and_statements_may_all_run_at_once() {
    let home = Home::new();
    let db = open(tiny(&home));
    let stop = AtomicBool::new(false);
    let written = AtomicU64::new(0);
    thread::scope(|scope| {
        let (db, stop, written) = (&db, &stop, &written);
        scope.spawn(move || {
            for i in 0..3000 {
                set(db, "c", &format!("id{i}"), i.to_string());
                written.store(i + 1, Ordering::Release);
            }
            stop.store(true, Ordering::Release);
        });
        let until_stopped = |work: &(dyn Fn() + Sync)| {
            while !stop.load(Ordering::Acquire) {
                work();
            }
        };
        scope.spawn(move || until_stopped(&|| db.flush_wait().expect("flushes")));
        scope.spawn(move || {
            until_stopped(&|| {
                let before = written.load(Ordering::Acquire);
                let found = all(db, "c", u64::MAX).len() as u64;
                assert!(found >= before, "{found} of {before} that were written before");
            });
        });
        scope.spawn(move || {
            until_stopped(&|| {
                db.shard_query(1, "SELECT count(*) FROM sqlite_schema", &[]).expect("reads");
                db.clear_cache();
                db.stats();
            });
        });
    });
    assert_eq!(all(&db, "c", u64::MAX).len(), 3000);
}

#[test]
fn a_second_opening_shares_the_engine() {
    let home = Home::new();
    let (one, two) = (Witness::new(), Witness::new());
    let first = open_observed(home.options(), &one);
    fs::create_dir(home.path().join("sub")).expect("creates");
    // By another name of the folder.
    let base = home.path().join("sub/../app");
    let wal_path = home.path().join("sub/../app.wal");
    let second = open_observed(Options { base, wal_path, cache_bytes: 0, ..home.options() }, &two);
    assert!(std::ptr::eq(second.options(), first.options()), "the first opener's settings hold");
    set(&first, "c", "a", "1");
    assert_eq!(get(&second, "c", "a"), found("1", 1, true));
    set(&second, "c", "a", "2");
    assert_eq!(get(&first, "c", "a"), found("2", 2, true));
    first.close().expect("closes");
    first.close().expect("closes twice");
    assert_eq!(get(&second, "c", "a"), found("2", 2, false), "closing flushes");
    set(&second, "c", "b", "3");
    second.flush_wait().expect("flushes");
    assert_eq!((one.flushed(), two.flushed()), (2, 3), "who has closed hears no more");
    drop(second);
    assert_eq!(all(&home.open(), "c", 9).len(), 2);
}

#[test]
fn another_opener_with_other_settings_is_refused() {
    let home = Home::new();
    let db = home.open();
    let options = home.options();
    for other in [
        Options { shard_count: 5, ..options.clone() },
        Options { safe_mode: false, ..options.clone() },
        Options { wal_path: home.path().join("other.wal"), ..options.clone() },
        Options { wal_size: 2 << 20, ..options.clone() },
    ] {
        assert_eq!(refused(other), Code::OptionConflict);
    }
    set(&db, "c", "a", "1");
    db.close().expect("closes");
    let db = open(Options { wal_size: 2 << 20, ..options });
    assert_eq!(get(&db, "c", "a"), found("1", 1, false));
}

#[test]
fn many_threads_open_and_close_the_same_database() {
    let home = Home::new();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let home = &home;
            scope.spawn(move || {
                for round in 0..25 {
                    let db = home.open();
                    set(&db, "c", &format!("{thread}-{round}"), "1");
                    assert_eq!(value(&db, "c", &format!("{thread}-{round}")), Some(("1".to_owned(), 1)));
                    db.close().expect("closes");
                }
            });
        }
    });
    assert_eq!(all(&home.open(), "c", u64::MAX).len(), 25 * THREADS as usize);
}

#[test]
fn every_call_after_close_says_that_it_is_closed() {
    let home = Home::new();
    let db = home.open();
    set(&db, "c", "a", "1");
    let c = db.collection("c");
    let mut draft = record(&db, &[("c", "a", Some("2"))]);
    db.close().expect("closes");
    let codes = [
        db.set(&c, "a", b"1").map(drop),
        db.delete(&c, "a").map(drop),
        db.get(&c, "a", &mut Vec::new()).map(drop),
        db.get_many(&c, &["a".to_owned()]).map(drop),
        db.submit(&mut draft, || unreachable!("refused")).map(drop),
        db.submit_wait(&mut draft),
        db.submit_durable(&mut draft, Box::new(|_| unreachable!("refused"))),
        db.submit_durable_wait(&mut draft),
        db.barrier_wait(),
        db.flush(Box::new(|_| unreachable!("refused"))),
        db.flush_wait(),
        db.newest("c", 1, |_| unreachable!("refused")),
        db.shard_query(0, "SELECT 1", &[]).map(drop),
        db.shard_pragma(0, "journal_mode").map(drop),
    ];
    for (number, result) in codes.into_iter().enumerate() {
        assert_eq!(result.expect_err("refused").code(), Code::Closed, "call {number}");
    }
    assert_eq!(get(&home.open(), "c", "a"), found("1", 1, false));
}

/// The environment variable that turns [`another_process`] into one that holds a database.
const HELD: &str = "KIMDB_TEST_HELD_BASE";

/// Not a test of its own: the other process of the test below.
#[test]
fn another_process() {
    let Some(base) = env::var_os(HELD) else { return };
    let db = open(Options { wal_size: 1 << 20, ..Options::new(base) });
    set(&db, "c", "other", "1");
    println!("\nholding");
    std::io::stdout().flush().expect("the other process listens");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("reads");
    if line == "close\n" {
        db.close().expect("closes");
    } else {
        // Ended without closing.
        std::process::exit(0);
    }
}

#[test]
fn a_database_that_another_process_holds_is_locked_until_that_ends() {
    for end in ["close\n", "exit\n", "kill"] {
        let home = Home::new();
        let options = Options { wal_size: 1 << 20, exclusive: true, ..Options::new(home.base()) };
        let mut child = Command::new(env::current_exe().expect("this file"))
            .args(["--exact", "another_process", "--nocapture"])
            .env(HELD, home.base())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        assert!(lines.any(|line| line == "holding"), "the child opened it");
        let error = try_open(options.clone()).expect_err("held");
        assert_eq!(error.code(), Code::Locked);
        assert!(error.to_string().contains(&child.id().to_string()), "names the holder: {error}");
        if end == "kill" {
            child.kill().expect("kills");
        } else {
            child.stdin.take().expect("piped").write_all(end.as_bytes()).expect("writes");
        }
        // Its end, so that it can tell what it likes until then.
        lines.for_each(drop);
        child.wait().expect("waits");
        let db = open(options);
        assert_eq!(db.recovered(), u64::from(end != "close\n"), "{end}");
        assert_eq!(get(&db, "c", "other"), found("1", 1, false), "{end}");
    }
}

#[test]
fn a_lock_file_that_was_left_lying_about_locks_nobody_out() {
    let home = Home::new();
    fs::write(home.path().join("app.lock"), "1").expect("writes");
    let db = home.open();
    set(&db, "c", "a", "1");
    db.close().expect("closes");
    assert!(!home.path().join("app.lock").exists());
}

#[test]
fn one_handle_closes_while_another_writes() {
    let home = Home::new();
    let db = open(tiny(&home));
    let stop = Arc::new(AtomicBool::new(false));
    let (other, stopped) = (open(tiny(&home)), Arc::clone(&stop));
    let writer = thread::spawn(move || {
        let mut written = 0;
        while !stopped.load(Ordering::Relaxed) {
            set(&other, "c", &format!("id{written}"), "1");
            written += 1;
        }
        other.close().expect("closes");
        written
    });
    until("the other handle writes", || db.stats().buffered_writes > 100);
    db.close().expect("closes");
    stop.store(true, Ordering::Relaxed);
    let written = writer.join().expect("no panic");
    assert_eq!(all(&open(tiny(&home)), "c", u64::MAX).len(), written);
}
