//! Disks that fail at the n-th call, for every n, once or a few times in a row.
//!
//! `KIMDB_FAULTS=all` takes every n; without it some are left out, others each time. `KIMDB_FAULT=<n>` takes one n.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use kimdb::{Backend, Database};

use super::{
    common::observer::Witness,
    cuts,
    disk::{Defect, Disk, Photograph},
    fault::Fault,
    image::Cut,
    ledger::{Fate, Ledger, check_error},
    model::Journal,
    program::{self, Settings},
    random::Random,
    trial, watchdog,
};

/// How long service may take to go on once all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// Programs that run at a time; most of them wait most of the time.
const THREADS: usize = 6;

fn settings(backend: Backend) -> Settings {
    Settings {
        seed: 0,
        shards: 2,
        wal_size: 1 << 14,
        backend,
        flush_interval_ms: 3_600_000,
        buffer_size: 1 << 40,
        writers: 1,
        rounds: 1,
        steps: 0,
    }
}

fn open(settings: &Settings, disk: &Arc<Disk>, witness: &Arc<Witness>) -> Result<Arc<Database>, String> {
    match program::open(settings.options(disk), witness) {
        Ok(db) => Ok(db),
        Err(error) => {
            check_error(&error).map_err(|error| format!("opening: {error}"))?;
            disk.faults(|faults| faults.heal());
            program::open(settings.options(disk), witness).map_err(|error| format!("opening again: {error}"))
        }
    }
}

/// A program that flushes, laps the ring, and has records too large for it; whatever fails, it goes on.
fn use_it(db: &Database, ledger: &mut Ledger) -> Result<(), String> {
    let tolerate = |result: kimdb::Result<()>| match result {
        Ok(()) => Ok(true),
        Err(error) => check_error(&error).map(|()| false),
    };
    for step in 0..24 {
        match step % 12 {
            5 | 9 => {
                if tolerate(db.flush_wait())? {
                    ledger.promise();
                }
            }
            7 => drop(ledger.write(db, 5000, false)?),
            10 => drop(tolerate(db.shard_pragma(step % 2, "wal_checkpoint(TRUNCATE)").map(drop))?),
            3 | 6 => drop(ledger.write(db, 20, true)?),
            _ => drop(ledger.write(db, 600, false)?),
        }
    }
    Ok(())
}

/// Tries until it succeeds.
fn insist(what: &str, mut attempt: impl FnMut() -> Result<bool, String>) -> Result<(), String> {
    let start = Instant::now();
    while !attempt()? {
        if start.elapsed() > PATIENCE {
            return Err(format!("{what} does not go on although all is well again"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// What only a power cut leaves.
fn check_cut(
    settings: &Settings,
    photograph: &Photograph,
    ledger: &Ledger,
    ordered: bool,
) -> Result<(), String> {
    let (directory, files) = Cut::NOTHING.of(photograph, &mut Random::new(1));
    let disk = Disk::new(&directory, &files, Defect::None, Journal::new(1));
    let opened = program::open(settings.options(&disk), &Witness::new());
    let db = opened.map_err(|error| format!("opening after a cut: {error}"))?;
    ledger.check(&db, Fate::Promised, ordered).map_err(|error| format!("after a cut: {error}"))?;
    db.close().map_err(|error| format!("closing after a cut: {error}"))
}

/// One run with a fault. Returns whether it fired.
fn run(settings: &Settings, fault: Fault) -> Result<bool, String> {
    let disk = Disk::empty(Defect::None, Journal::new(1));
    disk.faults(|faults| faults.plan(fault));
    let witness = Witness::new();
    let mut ledger = Ledger::default();
    let db = open(settings, &disk, &witness)?;
    use_it(&db, &mut ledger)?;
    // While the log fails, what is promised rests on the shards, and those are synced one after the other.
    check_cut(settings, &disk.photograph(), &ledger, !ledger.is_failing())?;
    let has_fired = disk.faults(|faults| !faults.fired.is_empty());
    if has_fired {
        disk.faults(|faults| faults.heal());
        insist("writing", || ledger.write(&db, 20, true))?;
        insist("flushing", || {
            db.flush_wait().map_or_else(|error| check_error(&error).map(|()| false), |()| Ok(true))
        })?;
        ledger.promise();
        ledger.check(&db, Fate::Accepted, true)?;
        check_cut(settings, &disk.photograph(), &ledger, true)?;
    }
    // The fault may be still to come.
    let closed = db.close();
    drop(db);
    let fired = disk.faults(|faults| faults.heal());
    match closed {
        Ok(()) => ledger.promise(),
        Err(error) if has_fired => return Err(format!("closing: {error}")),
        Err(error) => check_error(&error)?,
    }
    check_cut(settings, &disk.photograph(), &ledger, true)?;
    for error in witness.errors() {
        check_error(&error).map_err(|error| format!("told: {error}"))?;
    }
    let db = open(settings, &disk, &Witness::new())?;
    ledger.check(&db, Fate::Accepted, true).map_err(|error| format!("after reopening: {error}"))?;
    db.close().map_err(|error| format!("closing at last: {error}"))?;
    for shard in 0..settings.shards {
        trial::check_integrity(disk.path(), shard)?;
    }
    Ok(fired)
}

/// An opening with a fault, of what a killed process left. Returns whether it fired.
fn recover(settings: &Settings, left: &Photograph, ledger: &Ledger, fault: Fault) -> Result<bool, String> {
    let (directory, files) = Cut::EVERYTHING.of(left, &mut Random::new(1));
    let disk = Disk::new(&directory, &files, Defect::None, Journal::new(1));
    disk.faults(|faults| faults.plan(fault));
    let witness = Witness::new();
    let opened = program::open(settings.options(&disk), &witness);
    if let Err(error) = &opened {
        check_error(error).map_err(|error| format!("opening: {error}"))?;
    }
    let fired = disk.faults(|faults| faults.heal());
    check_cut(settings, &disk.photograph(), ledger, true)?;
    let db = match opened {
        Ok(db) => db,
        Err(_) => open(settings, &disk, &witness)?,
    };
    ledger.check(&db, Fate::Promised, true)?;
    check_cut(settings, &disk.photograph(), ledger, true)?;
    db.close().map_err(|error| format!("closing: {error}"))?;
    Ok(fired)
}

/// What a process leaves that is killed in the middle: everything is in the files, not all of it in the shards.
fn killed(settings: &Settings) -> (Photograph, Ledger) {
    let disk = Disk::empty(Defect::None, Journal::new(1));
    let db = program::open(settings.options(&disk), &Witness::new()).expect("opens");
    let mut ledger = Ledger::default();
    use_it(&db, &mut ledger).expect("works");
    for _ in 0..5 {
        ledger.write(&db, 200, false).expect("writes");
    }
    // The page cache outlives the process, but here it is as if it had been written out.
    ledger.promise();
    (disk.photograph(), ledger)
}

/// Runs it for every n until none fires. Returns how many faults fired.
fn for_every_call(
    name: &str,
    backend: Backend,
    run: impl Fn(&Settings, Fault) -> Result<bool, String> + Sync,
) -> u64 {
    let settings = settings(backend);
    let mut total = 0;
    let only = cuts::number("KIMDB_FAULT");
    let all = std::env::var_os("KIMDB_FAULTS").is_some_and(|how| how == "all");
    for (error, count, step) in
        [(libc::EIO, 1, 2), (libc::EIO, 5, 7), (libc::ENOSPC, 1, 5), (libc::ENOSPC, 5, 7)]
    {
        let step = if all { 1 } else { step };
        let start = only.unwrap_or(if all { 1 } else { 1 + cuts::by_time() % step });
        let (next, fired) = (AtomicU64::new(start), AtomicU64::new(0));
        let stop = AtomicBool::new(false);
        let work = || {
            while !stop.load(Ordering::Relaxed) {
                let fault = Fault { at: next.fetch_add(step, Ordering::Relaxed), count, error };
                let _watched = watchdog::watch(format!("{name}, {fault:?}"));
                match run(&settings, fault) {
                    Ok(true) => drop(fired.fetch_add(1, Ordering::Relaxed)),
                    Ok(false) => stop.store(true, Ordering::Relaxed),
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        return Some(format!("{error}\n  {name}, {backend:?}, {fault:?}"));
                    }
                }
                stop.fetch_or(only.is_some(), Ordering::Relaxed);
            }
            None
        };
        let wrong: Vec<String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
            threads.into_iter().filter_map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        total += fired.into_inner();
    }
    println!("{name}, {backend:?}: {total} faults");
    total
}

#[test]
fn every_call_may_fail_while_the_log_is_mapped() {
    assert!(for_every_call("use", Backend::Mmap, run) > 0);
}

#[test]
fn every_call_may_fail_while_the_log_is_written() {
    assert!(for_every_call("use", Backend::Pwrite, run) > 0);
}

#[test]
fn every_call_of_a_recovery_may_fail() {
    let (left, ledger) = killed(&settings(Backend::Pwrite));
    for backend in [Backend::Mmap, Backend::Pwrite] {
        let recover = |settings: &Settings, fault| recover(settings, &left, &ledger, fault);
        assert!(for_every_call("recover", backend, recover) > 0);
    }
}
