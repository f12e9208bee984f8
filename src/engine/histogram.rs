//! How long something took each time: a histogram of fixed size, which any thread feeds without a lock.
//!
//! Eight buckets for each doubling, so a quantile is at most an eighth too high. Times are whole microseconds, rounded up.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Buckets for each doubling, as a power of two.
const STEP_BITS: u32 = 3;
const STEPS: usize = 1 << STEP_BITS;
/// Longer times than 2 to this many microseconds, over an hour, count as that.
const MOST_BITS: u32 = 32;
const BUCKETS: usize = (MOST_BITS - STEP_BITS + 1) as usize * STEPS;

#[derive(Debug)]
pub(crate) struct Histogram {
    counts: [AtomicU64; BUCKETS],
    total_us: AtomicU64,
    longest_us: AtomicU64,
}

/// What a histogram held at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// How many times there were.
    pub count: u64,
    /// Their sum in microseconds.
    pub total_us: u64,
    /// The longest in microseconds.
    pub longest_us: u64,
    /// The buckets that hold something, shortest first: the longest time that belongs into one, in microseconds, and how
    /// many are in it.
    pub buckets: Vec<(u64, u64)>,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            counts: array::from_fn(|_| AtomicU64::new(0)),
            total_us: AtomicU64::new(0),
            longest_us: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    pub(crate) fn note(&self, time: Duration) {
        let us = u64::try_from(time.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX);
        self.counts[bucket(us)].fetch_add(1, Ordering::Relaxed);
        self.total_us.fetch_add(us, Ordering::Relaxed);
        self.longest_us.fetch_max(us, Ordering::Relaxed);
    }

    pub(crate) fn times(&self) -> Times {
        let buckets: Vec<(u64, u64)> = (0..)
            .zip(&self.counts)
            .map(|(index, count)| (longest_of(index), count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect();
        Times {
            // NOTE: not a counter of its own, so that it agrees with the buckets while others go on noting.
            count: buckets.iter().map(|(_, count)| count).sum(),
            total_us: self.total_us.load(Ordering::Relaxed),
            longest_us: self.longest_us.load(Ordering::Relaxed),
            buckets,
        }
    }
}

impl Times {
    /// The time in microseconds that a share of all times does not exceed; 0 if there are none.
    pub fn quantile_us(&self, share: f64) -> u64 {
        let rank = (self.count as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (longest, count) in &self.buckets {
            seen += count;
            if seen >= rank {
                return (*longest).min(self.longest_us);
            }
        }
        0
    }
}

/// The bucket of a time. The longest time of a bucket is a round number, so that sums of buckets have round limits.
fn bucket(us: u64) -> usize {
    let below = us.saturating_sub(1).min((1 << MOST_BITS) - 1);
    if below < STEPS as u64 {
        return below as usize;
    }
    let doubling = below.ilog2() - STEP_BITS;
    let step = (below >> doubling) as usize - STEPS;
    (doubling as usize + 1) * STEPS + step
}

/// The longest time that belongs into a bucket.
fn longest_of(bucket: usize) -> u64 {
    let (doubling, step) = (bucket / STEPS, bucket % STEPS);
    match doubling {
        0 => step as u64 + 1,
        _ => ((STEPS + step + 1) as u64) << (doubling - 1),
    }
}

#[cfg(test)]
mod test {
    use super::*;

    fn microseconds(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    #[test]
    fn a_bucket_ends_where_the_next_begins() {
        for index in 0..BUCKETS - 1 {
            let longest = longest_of(index);
            assert_eq!((bucket(longest), bucket(longest + 1)), (index, index + 1), "bucket {index}");
            assert!(longest_of(index + 1) * 8 <= (longest + 1) * 9, "bucket {} is narrow", index + 1);
        }
        assert_eq!(bucket(0), 0);
        assert_eq!(longest_of(BUCKETS - 1), 1 << MOST_BITS);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        // Whoever adds buckets up gets powers of two.
        for bits in 0..=MOST_BITS {
            assert_eq!(longest_of(bucket(1 << bits)), 1 << bits);
        }
    }

    #[test]
    fn times_are_counted_where_they_belong() {
        let histogram = Histogram::default();
        assert_eq!((histogram.times(), histogram.times().quantile_us(0.5)), (Times::default(), 0));
        for us in 1..=1000 {
            histogram.note(microseconds(us));
        }
        let times = histogram.times();
        assert_eq!((times.count, times.total_us, times.longest_us), (1000, 500_500, 1000));
        for (share, exact) in [(0.5, 500), (0.9, 900), (0.99, 990), (1.0, 1000)] {
            let found = times.quantile_us(share);
            assert!(found >= exact && found <= (exact * 9 / 8).min(1000), "{share}: {found}");
        }
        assert_eq!(times.quantile_us(0.0), 1);
    }

    #[test]
    fn a_part_of_a_microsecond_is_one() {
        let histogram = Histogram::default();
        histogram.note(Duration::from_nanos(1));
        histogram.note(Duration::from_nanos(1001));
        assert_eq!(histogram.times().buckets, [(1, 1), (2, 1)]);
    }

    #[test]
    fn what_took_days_counts_as_the_longest() {
        let histogram = Histogram::default();
        histogram.note(Duration::from_secs(1 << 20));
        let times = histogram.times();
        assert_eq!((times.count, times.longest_us), (1, 1_000_000 << 20));
        assert_eq!(times.quantile_us(0.5), 1 << MOST_BITS);
    }
}
