//! The read cache: bounded in bytes, and never older than what was written.

mod common;

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use common::{Home, delete, found, get, open, random::Random, set, value};
use kimdb::Options;

fn with_cache(home: &Home, bytes: usize) -> Options {
    Options { cache_bytes: bytes, wal_size: 1 << 16, ..home.busy_options() }
}

#[test]
fn the_cache_is_bounded_in_bytes() {
    const BYTES: usize = 1 << 17;
    let home = Home::new();
    let db = open(with_cache(&home, BYTES));
    let mut random = Random::new(1);
    for i in 0..3000 {
        set(&db, "c", &format!("id{i}"), format!("\"{}\"", "x".repeat(random.below(600) as usize)));
    }
    db.flush_wait().expect("flushes");
    let mut largest = 0;
    for _ in 0..10_000 {
        get(&db, "c", &format!("id{}", random.below(3000)));
        largest = largest.max(db.stats().cache_bytes);
    }
    assert!((BYTES / 2..=BYTES).contains(&largest), "{largest} bytes: used, and not more than allowed");
    // Documents that grow while they are cached.
    for i in 0..3000 {
        set(&db, "c", &format!("id{i}"), format!("\"{}\"", "x".repeat(1000)));
    }
    db.flush_wait().expect("flushes");
    let stats = db.stats();
    assert!(stats.cache_bytes <= BYTES && stats.cache_size < 3000, "{stats:?}");
}

#[test]
fn what_is_read_often_stays() {
    let home = Home::new();
    let db = open(with_cache(&home, 1 << 17));
    for i in 0..3000 {
        set(&db, "c", &format!("id{i}"), format!("\"{}\"", "x".repeat(300)));
    }
    db.flush_wait().expect("flushes");
    let hot = ["id0", "id1", "id2"];
    hot.iter().for_each(|id| assert!(get(&db, "c", id).is_some()));
    let before = db.stats().cache_misses;
    for i in 3..3000 {
        get(&db, "c", &format!("id{i}"));
        hot.iter().for_each(|id| assert!(get(&db, "c", id).is_some()));
    }
    let missed = db.stats().cache_misses - before - 2997;
    assert!(missed < 30, "{missed} of 8,991 reads of three documents went to the shard");
}

#[test]
fn a_document_too_large_for_the_cache_is_read_all_the_same() {
    let home = Home::new();
    let db = open(with_cache(&home, 1 << 16));
    let large = format!("\"{}\"", "x".repeat(1 << 15));
    set(&db, "c", "a", "1");
    db.flush_wait().expect("flushes");
    assert_eq!(get(&db, "c", "a"), found("1", 1, false));
    set(&db, "c", "a", &large);
    db.flush_wait().expect("flushes");
    assert_eq!(get(&db, "c", "a"), found(large, 2, false), "grown while it was cached");
    assert!(db.stats().cache_bytes <= 1 << 16);
    set(&db, "c", "a", "3");
    db.flush_wait().expect("flushes");
    assert_eq!(get(&db, "c", "a"), found("3", 3, false));
}

#[test]
fn without_a_cache_everything_is_read_from_the_shards() {
    let home = Home::new();
    let db = open(with_cache(&home, 0));
    set(&db, "c", "a", "1");
    db.flush_wait().expect("flushes");
    for _ in 0..3 {
        assert_eq!(get(&db, "c", "a"), found("1", 1, false));
    }
    let stats = db.stats();
    assert_eq!((stats.cache_size, stats.cache_bytes, stats.cache_misses), (0, 0, 3));
}

#[test]
fn a_cached_document_follows_every_change() {
    let home = Home::new();
    let db = home.open();
    let cached = || {
        db.flush_wait().expect("flushes");
        let found = get(&db, "c", "a");
        let misses = db.stats().cache_misses;
        assert_eq!(get(&db, "c", "a"), found, "from the cache as from the shard");
        (found, misses)
    };
    set(&db, "c", "a", "1");
    assert_eq!(cached().0, found("1", 1, false));
    set(&db, "c", "a", "2");
    set(&db, "c", "a", "3");
    let (found_now, misses) = cached();
    assert_eq!((found_now, misses), (found("3", 3, false), 1), "changed in place");
    delete(&db, "c", "a");
    set(&db, "c", "a", "4");
    assert_eq!(cached().0, found("4", 1, false));
    delete(&db, "c", "a");
    assert_eq!(cached().0, None);
    set(&db, "c", "a", "5");
    assert_eq!(cached().0, found("5", 1, false));
    // Another collection's document of that id is another document.
    set(&db, "d", "a", "6");
    db.flush_wait().expect("flushes");
    assert_eq!((get(&db, "c", "a"), get(&db, "d", "a")), (found("5", 1, false), found("6", 1, false)));
}

/// Readers never see less than what was written before they asked, whatever buffer, cache and shard do meanwhile.
#[test]
fn reads_are_never_stale_while_flushes_run() {
    const DOCUMENTS: usize = 64;
    let home = Home::new();
    // Small enough that documents come and go.
    let db = open(with_cache(&home, 40_000));
    let written: Vec<AtomicU64> = (0..DOCUMENTS).map(|_| AtomicU64::new(0)).collect();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (db, written, stop) = (&db, &written, &stop);
        for writer in 0..2 {
            scope.spawn(move || {
                let mut random = Random::new(writer as u64);
                for round in 1..15_000_u64 {
                    let number = random.below(DOCUMENTS as u64 / 2) as usize * 2 + writer;
                    let version = written[number].load(Ordering::Relaxed) + 1;
                    let padding = " ".repeat((round % 97) as usize);
                    set(db, "c", &format!("id{number}"), format!("{version}{padding}"));
                    written[number].store(version, Ordering::Release);
                }
                stop.store(true, Ordering::Release);
            });
        }
        for reader in 0..2 {
            scope.spawn(move || {
                let mut random = Random::new(100 + reader);
                while !stop.load(Ordering::Acquire) {
                    let number = random.below(DOCUMENTS as u64) as usize;
                    let before = written[number].load(Ordering::Acquire);
                    let read = value(db, "c", &format!("id{number}"));
                    let after = written[number].load(Ordering::Acquire) + 1;
                    let version = read.as_ref().map_or(0, |(_, version)| *version);
                    assert!((before..=after).contains(&version), "{version}, not {before} to {after}");
                    if let Some((text, version)) = read {
                        assert_eq!(text.trim(), version.to_string());
                    }
                    if random.one_in(5000) {
                        db.clear_cache();
                    }
                }
            });
        }
    });
    for (number, version) in written.iter().enumerate() {
        let version = version.load(Ordering::Relaxed);
        let read =
            value(&db, "c", &format!("id{number}")).map(|(text, version)| (text.trim().to_owned(), version));
        assert_eq!(read, Some((version.to_string(), version)));
    }
    assert!(db.stats().cache_bytes <= 40_000);
}

#[test]
fn deletes_are_never_undone_while_flushes_run() {
    let home = Home::new();
    let db = open(with_cache(&home, 1 << 20));
    let phase = AtomicU64::new(0);
    thread::scope(|scope| {
        let (db, phase) = (&db, &phase);
        scope.spawn(move || {
            for round in 1..5_000_u64 {
                set(db, "c", "a", round.to_string());
                phase.store(2 * round - 1, Ordering::Release);
                delete(db, "c", "a");
                phase.store(2 * round, Ordering::Release);
            }
            phase.store(u64::MAX, Ordering::Release);
        });
        scope.spawn(move || {
            loop {
                let before = phase.load(Ordering::Acquire);
                let read = value(db, "c", "a");
                let after = phase.load(Ordering::Acquire);
                if after == u64::MAX {
                    return;
                }
                if before == after && before % 2 == 1 {
                    // A delete may be on its way; the text may not be older.
                    assert!(
                        read.is_none_or(|read| read == (before.div_ceil(2).to_string(), 1)),
                        "phase {before}"
                    );
                } else if before == after {
                    // The next write may be on its way.
                    assert!(
                        read.is_none_or(|read| read == ((before / 2 + 1).to_string(), 1)),
                        "phase {before}"
                    );
                }
            }
        });
    });
    db.flush_wait().expect("flushes");
    assert_eq!(get(&db, "c", "a"), None);
}
