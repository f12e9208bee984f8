//! How long a thread was held up by a call that may wait for a disk.
//!
//! The clock alone does not tell: where there is more to do than the processors can, a thread that only wanted to go on is pushed
//! aside for milliseconds. Linux counts for each thread how often it gave up the processor by itself, which it does to wait
//! for a disk. Asking costs a fifth of a microsecond, so that is done now and then, and once more after a call that took long:
//! if the thread has not waited since it was asked last, it did not wait in that call.

use std::time::{Duration, Instant};

/// What takes less is not looked at.
const LONG: Duration = Duration::from_micros(100);

/// Measures one call.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
}

impl Stopwatch {
    #[inline]
    pub(crate) fn start() -> Self {
        let start = Instant::now();
        waits::remember(start);
        Stopwatch { start }
    }

    /// The time since then; none if it was long and others had the processor meanwhile. Where nobody can tell, it counts.
    #[inline]
    pub(crate) fn took(&self) -> Duration {
        let took = self.start.elapsed();
        if took >= LONG && !waits::may_have_been() { Duration::ZERO } else { took }
    }
}

#[cfg(target_os = "linux")]
mod waits {
    use std::{
        cell::Cell,
        ffi::c_long,
        sync::LazyLock,
        thread,
        time::{Duration, Instant},
    };

    use nix::sys::resource::{UsageWho, getrusage};

    /// As long as what is remembered is this young, nobody is asked again.
    const FRESH: Duration = Duration::from_micros(50);

    /// Some systems that pass for Linux do not count: there, everybody may have waited.
    static ARE_COUNTED: LazyLock<bool> = LazyLock::new(|| {
        let before = count();
        thread::sleep(Duration::from_micros(1));
        count() != before
    });

    thread_local! {
        /// When this thread was asked last, and how often it had waited until then.
        static KNOWN: Cell<Option<(Instant, c_long)>> = const { Cell::new(None) };
    }

    /// How often this thread has given up the processor by itself; the same for ever where that cannot be had.
    fn count() -> c_long {
        getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.voluntary_context_switches())
    }

    #[inline]
    pub(super) fn remember(now: Instant) {
        KNOWN.with(|known| {
            if known.get().is_none_or(|(at, _)| now.saturating_duration_since(at) > FRESH) {
                known.set(Some((now, count())));
            }
        });
    }

    /// Whether this thread has waited since it was asked last, or nobody knows.
    #[cold]
    pub(super) fn may_have_been() -> bool {
        let now = count();
        KNOWN.get().is_none_or(|(_, before)| now != before) || !*ARE_COUNTED
    }
}

#[cfg(not(target_os = "linux"))]
mod waits {
    pub(super) fn remember(_: std::time::Instant) {}

    pub(super) fn may_have_been() -> bool {
        true
    }
}

#[cfg(test)]
mod test {
    use std::{
        thread::sleep,
        time::{Duration, Instant},
    };

    use super::Stopwatch;

    const A_WHILE: Duration = Duration::from_millis(2);

    #[test]
    fn a_call_that_waits_took_its_time() {
        for _ in 0..10 {
            let watch = Stopwatch::start();
            sleep(A_WHILE);
            assert!(watch.took() >= A_WHILE);
        }
    }

    #[test]
    fn short_calls_are_never_doubted() {
        let watch = Stopwatch::start();
        assert!(watch.took() > Duration::ZERO);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_call_that_works_all_the_time_did_not_wait() {
        // A page that comes from a disk makes any call wait, so not every one of them is what it is meant to be.
        let is_busy = || {
            let watch = Stopwatch::start();
            let start = Instant::now();
            while start.elapsed() < A_WHILE {}
            watch.took() == Duration::ZERO
        };
        assert!((0..100).any(|_| is_busy()));
    }
}
