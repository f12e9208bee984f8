//! How long a thread was held up by a call that may wait for a disk.
//!
//! The clock alone does not tell: where there is more to do than the processors can, a thread that only wanted to go on is pushed
//! aside for milliseconds. Linux counts for each thread how often it gave up the processor by itself, which it does to wait
//! for a disk, and how long it had one. Asking costs half a microsecond, so that is done now and then, and once more after
//! a call that took long: if the thread has not waited since it was asked last, that call took as long as it was at work.

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

    /// This thread may just have waited for something else, such as a lock, which is not to count in the next call.
    pub(crate) fn forget() {
        waits::forget();
    }

    /// The time since then, but for that in which others had the processor. Where nobody can tell, that counts too.
    #[inline]
    pub(crate) fn took(&self) -> Duration {
        let took = self.start.elapsed();
        if took < LONG { took } else { waits::work_alone().map_or(took, |work| work.min(took)) }
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
    use rustix::time::{ClockId, clock_gettime};

    /// As long as what is known is this young, nobody is asked again. That much of a call's work may be the thread's before it.
    const FRESH: Duration = Duration::from_micros(50);

    /// Some systems that pass for Linux do not count: there, everybody may have waited.
    static ARE_COUNTED: LazyLock<bool> = LazyLock::new(|| {
        let before = now().0;
        thread::sleep(Duration::from_micros(1));
        now().0 != before
    });

    thread_local! {
        /// When this thread was asked last, and what it said.
        static KNOWN: Cell<Option<(Instant, Figures)>> = const { Cell::new(None) };
    }

    /// How often a thread has given up the processor by itself, and for how long it has had one.
    type Figures = (c_long, Duration);

    /// Those of this thread; the same for ever where they cannot be had.
    fn now() -> Figures {
        let waits = getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.voluntary_context_switches());
        // The same call tells this too, but as of the last tick of the scheduler.
        let work = clock_gettime(ClockId::ThreadCPUTime);
        (waits, Duration::new(work.tv_sec.max(0) as u64, work.tv_nsec.max(0) as u32))
    }

    #[inline]
    pub(super) fn remember(at: Instant) {
        KNOWN.with(|known| {
            if known.get().is_none_or(|(last, _)| at.saturating_duration_since(last) > FRESH) {
                known.set(Some((at, now())));
            }
        });
    }

    pub(super) fn forget() {
        KNOWN.set(None);
    }

    /// How long this thread has been at work since it was asked last, if it has not waited since.
    #[cold]
    pub(super) fn work_alone() -> Option<Duration> {
        let (waits, work) = now();
        let (_, before) = KNOWN.get()?;
        (waits == before.0 && *ARE_COUNTED).then(|| work.saturating_sub(before.1))
    }
}

#[cfg(not(target_os = "linux"))]
mod waits {
    pub(super) fn remember(_: std::time::Instant) {}

    pub(super) fn forget() {}

    pub(super) fn work_alone() -> Option<std::time::Duration> {
        None
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
    fn a_call_that_works_all_the_time_took_its_time() {
        for _ in 0..10 {
            let watch = Stopwatch::start();
            let start = Instant::now();
            while start.elapsed() < A_WHILE {}
            let took = watch.took();
            assert!(took > Duration::ZERO && took <= watch.start.elapsed());
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_call_that_was_pushed_aside_took_what_it_worked() {
        // More threads than processors, all at work: each has one for a part of the time.
        let threads = 3 * std::thread::available_parallelism().map_or(1, usize::from);
        let is_pushed_aside = || {
            let watch = Stopwatch::start();
            let start = Instant::now();
            while start.elapsed() < 50 * A_WHILE {}
            watch.took() < 40 * A_WHILE
        };
        let pushed = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(is_pushed_aside)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|is| *is).count()
        });
        assert!(pushed > 0);
    }
}
