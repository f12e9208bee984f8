//! Whether a write to the log's file is as fast as a copy in memory, or to be made by a thread that may wait for a disk.
//!
//! Only for a ring that is [written](super::ring::Ring::written): a mapped one costs no call. Usually such a write ends in the
//! system's page cache after some microseconds. On a network file system, or where the cache is full, it can take as long as the
//! disk; then appends go through the queue, and a thread writes what has gathered there at once. Each slow write is a debt that
//! many fast ones pay. Nobody knows anything of a log that was just opened, so its first write is not the program's.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// A write that takes longer is slow. Leaving it to another thread takes a tenth of this.
const SLOW: Duration = Duration::from_micros(500);

/// Fast writes that outweigh one slow one. What is written from the queue counts as one write, however much it is.
const WEIGHT: u32 = 64;

/// The largest debt, so that a disk that has become fast is believed at some time.
const MOST: u32 = 4 * WEIGHT;

#[derive(Debug)]
pub(super) struct Pace {
    debt: AtomicU32,
}

impl Pace {
    pub(super) fn new(is_written: bool) -> Self {
        Pace { debt: AtomicU32::new(u32::from(is_written)) }
    }

    /// Whether a write is expected to wait for a disk.
    #[inline]
    pub(super) fn is_slow(&self) -> bool {
        self.debt.load(Ordering::Relaxed) > 0
    }

    /// One write took so long. The caller is the only one that writes.
    pub(super) fn note(&self, took: Duration) {
        let debt = self.debt.load(Ordering::Relaxed);
        let now = if took >= SLOW { (debt + WEIGHT).min(MOST) } else { debt.saturating_sub(1) };
        if now != debt {
            self.debt.store(now, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod test {
    use super::{MOST, Pace, SLOW, WEIGHT};
    use std::time::Duration;

    fn writes_until_fast(pace: &Pace) -> u32 {
        (0..).find(|_| !pace.is_slow() || (pace.note(Duration::ZERO), false).1).expect("at some time")
    }

    #[test]
    fn a_log_is_fast_once_a_write_was_and_a_mapped_one_always() {
        assert!(!Pace::new(false).is_slow());
        assert_eq!(writes_until_fast(&Pace::new(true)), 1);
    }

    #[test]
    fn slow_writes_are_paid_by_fast_ones_up_to_a_bound() {
        let pace = Pace::new(false);
        pace.note(SLOW);
        assert_eq!(writes_until_fast(&pace), WEIGHT);
        (0..100).for_each(|_| pace.note(SLOW));
        assert_eq!(writes_until_fast(&pace), MOST);
    }
}
