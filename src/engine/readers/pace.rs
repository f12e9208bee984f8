//! Whether a shard is read on the thread of the program, or by the reader threads because its disk is slow.
//!
//! A read of what is in memory takes some microseconds, less than handing it to another thread. One that waits for a disk
//! takes milliseconds, in which an event loop does nothing else. What reads took before tells which of the two to expect:
//! each slow one is a debt that many fast ones pay, and as long as there is a debt, threads that must not wait do not read.
//! So an outlier, such as a checkpoint, costs a detour of some reads, and a disk on which one read in a hundred is slow
//! counts as slow. Nobody knows anything of a shard that was just opened: its first read is the reader threads'.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::engine::{shard::Store, stopwatch::Stopwatch};

/// A read that takes longer is slow. Handing it to another thread and back takes a tenth of this.
const SLOW: Duration = Duration::from_micros(500);

/// Pages that have to come fast to outweigh one slow read.
const WEIGHT: u64 = 128;

/// The largest debt, so that a disk that has become fast is believed at some time.
const MOST: u64 = 8 * WEIGHT;

/// Time between samples, and what a fast one counts for.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
const SAMPLE_WEIGHT: u64 = WEIGHT / 2;

/// What reads of one shard took.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Pages that have to come fast before the disk counts as fast.
    debt: AtomicU32,
    /// Slow reads of threads that may wait, as long as nobody knows whether it was for the disk.
    doubtful: AtomicU32,
    sampled: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Pace { debt: AtomicU32::new(1), doubtful: AtomicU32::new(0), sampled: Mutex::default() }
    }

    /// Whether a read is expected to wait for no disk.
    #[inline]
    pub(crate) fn is_fast(&self) -> bool {
        self.debt.load(Ordering::Relaxed) == 0
    }

    /// Notes what a read took. `waits`: of a thread that may wait, which loses nothing until it is known what for.
    #[inline]
    pub(crate) fn note(&self, took: Duration, waits: bool) {
        match took >= SLOW {
            true if waits => _ = self.doubtful.fetch_add(1, Ordering::Relaxed),
            true => self.owe(1),
            false => {}
        }
    }

    /// A reader thread does some reads, which pay debt with the pages that they ask the system for.
    ///
    /// IMPORTANT: reads of pages that the connection has in memory tell nothing of the disk. If fast ones counted, a shard all
    /// of whose pages are there for a moment would be taken for fast, up to the next flush; if slow ones did, a machine with
    /// too much work would be taken for a slow disk. If nothing else is read, a piece of the file is, as a sample.
    pub(crate) fn learn_from(&self, shard: &dyn Store, reads: impl FnOnce()) {
        let before = shard.pages_read();
        reads();
        let (Some(before), Some(now)) = (before, shard.pages_read()) else { return };
        self.judge(now.saturating_sub(before), || shard.sample());
    }

    /// What was read asked for so many pages.
    fn judge(&self, pages: u64, sample: impl FnOnce()) {
        let doubtful = self.doubtful.swap(0, Ordering::Relaxed);
        if pages > 0 {
            self.owe(doubtful.into());
            self.pay(pages);
        } else if !self.is_fast() {
            self.sample(sample);
        }
    }

    fn sample(&self, read: impl FnOnce()) {
        let mut sampled = self.sampled.lock();
        if sampled.is_some_and(|at| at.elapsed() < SAMPLE_EVERY) {
            return;
        }
        *sampled = Some(Instant::now());
        let watch = Stopwatch::start();
        read();
        match watch.took() >= SLOW {
            true => self.owe(1),
            false => self.pay(SAMPLE_WEIGHT),
        }
    }

    /// So many reads were slow.
    fn owe(&self, reads: u64) {
        self.change(|debt| (debt + reads * WEIGHT).min(MOST));
    }

    /// So many pages came fast.
    fn pay(&self, pages: u64) {
        self.change(|debt| debt.saturating_sub(pages));
    }

    fn change(&self, change: impl Fn(u64) -> u64) {
        let changed = |debt| u32::try_from(change(u64::from(debt))).ok();
        let _ = self.debt.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
    }
}

#[cfg(test)]
mod test {
    use std::{cell::Cell, thread::sleep, time::Duration};

    use super::{MOST, Pace, SLOW, WEIGHT};

    const FAST: Duration = Duration::from_micros(6);

    fn fast() -> Pace {
        let pace = Pace::new();
        pace.pay(1);
        assert!(pace.is_fast());
        pace
    }

    /// How many fast pages it takes until the shard counts as fast.
    fn pages_until_fast(pace: &Pace) -> u64 {
        let mut pages = 0;
        while !pace.is_fast() {
            pace.pay(1);
            pages += 1;
        }
        pages
    }

    #[test]
    fn a_new_shard_is_fast_once_a_page_came_fast() {
        let pace = Pace::new();
        pace.note(FAST, false);
        assert!(!pace.is_fast(), "nobody knows whether that read asked for a page");
        assert_eq!(pages_until_fast(&pace), 1);
    }

    #[test]
    fn an_outlier_is_paid_by_so_many_pages_as_often_as_it_happens() {
        let pace = fast();
        for _ in 0..3 {
            pace.note(SLOW, false);
            assert_eq!(pages_until_fast(&pace), WEIGHT);
        }
    }

    #[test]
    fn a_slow_read_of_a_thread_that_waits_counts_if_pages_were_asked_for() {
        let pace = fast();
        pace.note(SLOW, true);
        assert!(pace.is_fast(), "nobody knows why");
        pace.judge(0, || unreachable!("a fast shard needs no sample"));
        assert!(pace.is_fast(), "it was not the disk");
        pace.note(SLOW, true);
        pace.judge(1, || unreachable!("there are pages"));
        assert_eq!(pages_until_fast(&pace), WEIGHT - 1);
    }

    #[test]
    fn one_slow_read_in_a_hundred_is_a_slow_disk() {
        let pace = fast();
        for read in 0..100_000 {
            pace.note(if read % 100 == 0 { SLOW } else { FAST }, true);
            pace.judge(1, || unreachable!("there are pages"));
            assert!(!pace.is_fast(), "read {read}");
        }
        assert!((1..=MOST).contains(&pages_until_fast(&pace)), "it is forgotten in the end");
    }

    #[test]
    fn samples_are_taken_now_and_then_and_pay_only_if_they_are_fast() {
        let pace = fast();
        pace.note(SLOW, false);
        let samples = Cell::new(0);
        for _ in 0..100 {
            pace.judge(0, || samples.set(samples.get() + 1));
        }
        // More than one only on a machine that takes a second for this loop.
        assert!((1..50).contains(&samples.get()));
        let pace = fast();
        pace.note(SLOW, false);
        pace.judge(0, || sleep(SLOW));
        assert_eq!(pages_until_fast(&pace), 2 * WEIGHT);
    }
}
