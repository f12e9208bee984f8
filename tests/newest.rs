//! Lists of the documents that were updated last, while others write.

mod common;

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use common::{Home, all, delete, open, set};
use kimdb::Options;

/// Ids in the order in which they are written.
fn id(number: u64) -> String {
    format!("{number:08}")
}

#[test]
fn a_list_has_what_was_written_before_it_while_a_thread_goes_on_writing() {
    const LIMIT: u64 = 50;
    let home = Home::new();
    let db = open(Options { wal_size: 1 << 18, ..home.options() });
    let (written, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    // One of ten is deleted a moment after it was written.
    let is_kept = |number: &u64| number % 10 != 5;
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                set(&db, "c", &id(number), number.to_string());
                if number % 10 == 9 {
                    delete(&db, "c", &id(number - 4));
                }
                written.store(number, Ordering::Release);
                if is_over.load(Ordering::Acquire) {
                    break;
                }
            }
        });
        for round in 0..60 {
            let before = written.load(Ordering::Acquire);
            let found = all(&db, "c", LIMIT);
            assert!(found.len() as u64 == LIMIT || before < 2 * LIMIT, "{} in round {round}", found.len());
            let numbers = found.iter().map(|(id, ..)| id.parse().expect("a number"));
            // What was written meanwhile may be among them or not.
            let numbers: Vec<u64> = numbers.filter(|number| *number <= before && is_kept(number)).collect();
            let expected: Vec<u64> = (1..=before).rev().filter(is_kept).take(numbers.len()).collect();
            assert_eq!(numbers, expected, "round {round}");
        }
        is_over.store(true, Ordering::Release);
    });
    db.close().expect("closes");
}
