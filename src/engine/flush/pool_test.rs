//! Jobs and who does them.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use super::pool::{Jobs, Pool};
use crate::engine::error::Code;

#[test]
fn a_panic_of_a_worker_is_an_error_and_the_worker_goes_on() {
    let pool = Pool::start(2, Arc::default()).expect("starts");
    for _ in 0..3 {
        let mut results = pool.map((0..6).map(|number| (number, number)), |number| {
            assert!(number % 2 == 0, "number {number} is odd");
            number * 10
        });
        results.sort_by_key(|(key, _)| *key);
        assert_eq!(results.len(), 6);
        for (key, result) in results {
            match result {
                Ok(value) => assert_eq!((key % 2, value), (0, key * 10)),
                Err(error) => {
                    assert_eq!((key % 2, error.code()), (1, Code::Internal));
                    assert!(error.to_string().contains(&format!("number {key} is odd")), "{error}");
                }
            }
        }
    }
}

#[test]
fn one_processor_is_left_to_the_program_until_somebody_waits() {
    let jobs: Arc<Jobs> = Arc::default();
    let pool = Pool::start_on(2, 8, Arc::clone(&jobs)).expect("starts");
    let names = pool.map((0..8).map(|key| (key, ())), |()| thread::current().name().map(str::to_owned));
    assert!(names.into_iter().all(|(_, name)| name.expect("no panic").as_deref() == Some("kimdb-flush-0")));

    // The first of two jobs ends when the second one has begun.
    let meet = || {
        let together = Arc::new(Barrier::new(2));
        let both = (0..2).map(|key| (key, Arc::clone(&together)));
        pool.map(both, |together| together.wait().is_leader()).len()
    };
    jobs.hurry(true);
    assert_eq!(meet(), 2, "in a hurry from the beginning");
    jobs.hurry(false);
    thread::scope(|scope| {
        let late = scope.spawn(|| {
            thread::sleep(Duration::from_millis(50));
            jobs.hurry(true);
        });
        assert_eq!(meet(), 2, "in a hurry half way through");
        late.join().expect("no panic");
    });
}

#[test]
fn one_worker_is_no_reserve() {
    for (cores, shards) in [(1, 8), (4, 1), (4, 3)] {
        let pool = Pool::start_on(cores, shards, Arc::default()).expect("starts");
        let workers = cores.min(shards);
        let together = Arc::new(Barrier::new(workers));
        let all = (0..workers).map(|key| (key, Arc::clone(&together)));
        assert_eq!(
            pool.map(all, |together| together.wait()).len(),
            workers,
            "{cores} cores, {shards} shards"
        );
    }
}
