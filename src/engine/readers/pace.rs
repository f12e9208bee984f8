//! Whether a shard is read on the thread of the program, or by the reader threads because its disk is slow.
//!
//! A read of what is in memory takes some microseconds, less than handing it to another thread. One that waits for a disk
//! takes milliseconds, in which an event loop does nothing else. What reads took before tells which of the two to expect:
//! each slow one is a debt that many fast ones pay, and as long as there is a debt, threads that must not wait do not read.
//! So an outlier, such as a checkpoint, costs a detour of some reads, and a disk on which one read in a hundred is slow
//! counts as slow. Nobody knows anything of a shard that was just opened: its first read is the reader threads'.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

/// A read that takes longer is slow. Handing it to another thread and back takes a tenth of this.
const SLOW: Duration = Duration::from_micros(500);

/// Pages that have to come fast to outweigh one slow read.
const WEIGHT: u32 = 128;

/// The largest debt, so that a disk that has become fast is believed at some time.
const MOST: u32 = 8 * WEIGHT;

/// What reads of one shard took.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Pages that have to come fast before the disk counts as fast.
    debt: AtomicU32,
    /// Pages that had been read when this was looked at last.
    pages: AtomicU64,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Pace { debt: AtomicU32::new(1), pages: AtomicU64::new(0) }
    }

    /// Whether a read is expected to wait for no disk.
    pub(crate) fn is_fast(&self) -> bool {
        self.debt.load(Ordering::Relaxed) == 0
    }

    /// Notes what a read took. `pages`: how many pages this shard's reads have asked the system for, ever, if that can be
    /// told now.
    pub(crate) fn note(&self, took: Duration, pages: impl FnOnce() -> Option<u64>) {
        if took >= SLOW {
            self.change(|debt| (debt + WEIGHT).min(MOST));
        } else if !self.is_fast() {
            // IMPORTANT: a read that asked for no page tells nothing of the disk. Otherwise a shard whose pages are all in
            // memory for a moment would count as fast, up to the next flush.
            let Some(now) = pages() else { return };
            let before = self.pages.swap(now, Ordering::Relaxed);
            let came_fast = u32::try_from(now.checked_sub(before).unwrap_or(now)).unwrap_or(u32::MAX);
            self.change(|debt| debt.saturating_sub(came_fast));
        }
    }

    fn change(&self, change: impl Fn(u32) -> u32) {
        let _ = self.debt.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |debt| Some(change(debt)));
    }
}

#[cfg(test)]
mod test {
    use std::time::Duration;

    use super::{MOST, Pace, SLOW, WEIGHT};

    const FAST: Duration = Duration::from_micros(6);

    /// A pace of a shard that is known to be fast, and of which so many pages were read.
    fn fast() -> (Pace, u64) {
        let pace = Pace::new();
        pace.note(FAST, || Some(3));
        assert!(pace.is_fast());
        (pace, 3)
    }

    /// How many fast reads of one page it takes until the shard counts as fast.
    fn reads_until_fast(pace: &Pace, pages: &mut u64) -> u32 {
        let mut reads = 0;
        while !pace.is_fast() {
            *pages += 1;
            pace.note(FAST, || Some(*pages));
            reads += 1;
        }
        reads
    }

    #[test]
    fn a_new_shard_is_fast_once_a_read_of_its_file_was() {
        let pace = Pace::new();
        assert!(!pace.is_fast());
        pace.note(FAST, || None);
        assert!(!pace.is_fast(), "nobody can tell");
        pace.note(FAST, || Some(0));
        assert!(!pace.is_fast(), "that read asked for no page");
        pace.note(FAST, || Some(1));
        assert!(pace.is_fast());
    }

    #[test]
    fn an_outlier_is_paid_by_so_many_pages() {
        let (pace, mut pages) = fast();
        pace.note(SLOW, || unreachable!("a slow read needs no proof"));
        assert!(!pace.is_fast());
        assert_eq!(reads_until_fast(&pace, &mut pages), WEIGHT);
        // As often as it happens.
        pace.note(SLOW, || unreachable!("as above"));
        assert_eq!(reads_until_fast(&pace, &mut pages), WEIGHT);
    }

    #[test]
    fn reads_from_memory_prove_nothing() {
        let (pace, mut pages) = fast();
        pace.note(SLOW, || unreachable!("as above"));
        for _ in 0..10 * MOST {
            pace.note(FAST, || Some(pages));
        }
        assert!(!pace.is_fast());
        assert_eq!(reads_until_fast(&pace, &mut pages), WEIGHT);
    }

    #[test]
    fn one_slow_read_in_a_hundred_is_a_slow_disk() {
        let (pace, mut pages) = fast();
        for read in 0..100_000 {
            pages += 1;
            pace.note(if read % 100 == 0 { SLOW } else { FAST }, || Some(pages));
            assert!(!pace.is_fast(), "read {read}");
        }
        assert!(reads_until_fast(&pace, &mut pages) <= MOST, "it is forgotten in the end");
    }

    #[test]
    fn a_reopened_file_counts_its_pages_anew() {
        let (pace, _) = fast();
        pace.note(SLOW, || unreachable!("as above"));
        pace.note(FAST, || Some(1000));
        assert!(pace.is_fast());
        pace.note(SLOW, || unreachable!("as above"));
        pace.note(FAST, || Some(2));
        assert!(!pace.is_fast());
        assert_eq!(reads_until_fast(&pace, &mut 2), WEIGHT - 2, "2 after 1000 is a new count");
    }
}
