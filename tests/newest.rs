//! Lists of the documents that were updated last, while others write.

mod common;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use common::{Home, all, delete, open, set};
use kimdb::Options;

/// Ids in the order in which they are written.
fn id(number: u64) -> String {
    format!("{number:08}")
}

/// Ends the other thread when the test ends, however that is.
struct Over<'a>(&'a AtomicU64);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

#[test]
fn a_list_has_what_was_written_before_it_while_a_thread_goes_on_writing() {
    const LIMIT: usize = 50;
    const MEANWHILE: u64 = 20;
    let home = Home::new();
    let db = open(Options { wal_size: 1 << 18, ..home.options() });
    // The last number that may be written; 0: that is all.
    let (written, last) = (AtomicU64::new(0), AtomicU64::new(2 * LIMIT as u64));
    // One of ten is deleted a moment after it was written.
    let is_kept = |number: &u64| number % 10 != 5;
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                while last.load(Ordering::Acquire) < number {
                    if last.load(Ordering::Acquire) == 0 {
                        return;
                    }
                    thread::yield_now();
                }
                set(&db, "c", &id(number), number.to_string());
                if number % 10 == 9 {
                    delete(&db, "c", &id(number - 4));
                }
                written.store(number, Ordering::Release);
            }
        });
        let _over = Over(&last);
        while written.load(Ordering::Acquire) < 2 * LIMIT as u64 {
            thread::yield_now();
        }
        for round in 0..200 {
            let before = written.load(Ordering::Acquire);
            last.store(before + MEANWHILE, Ordering::Release);
            let found = all(&db, "c", LIMIT as u64);
            assert_eq!(found.len(), LIMIT, "round {round}");
            let numbers = found.iter().map(|(id, ..)| id.parse().expect("a number"));
            // What was written meanwhile may be among them or not.
            let numbers: Vec<u64> = numbers.filter(|number| *number <= before && is_kept(number)).collect();
            let expected: Vec<u64> = (1..=before).rev().filter(is_kept).take(numbers.len()).collect();
            assert_eq!(numbers, expected, "round {round}");
            assert!(numbers.len() >= LIMIT / 2, "{} in round {round}", numbers.len());
        }
    });
    db.close().expect("closes");
}
