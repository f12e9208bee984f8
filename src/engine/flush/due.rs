//! When a flush begins that nobody has asked for.

use std::time::{Duration, Instant};

use super::scheduler::Scheduler;
use crate::engine::clock;

/// So many writes need not wait for more: that would hardly make one of them cheaper.
const MANY: u64 = 10_000;

/// Nor do writes that fill such a part of the log, which might be full before.
const MUCH: u64 = 8;

impl Scheduler {
    /// When what was written during a round, since its last generation ended, is to be flushed, if there is any. `start`: when the
    /// round began.
    pub(super) fn due_of_waiting(&self, start: Instant) -> Option<Instant> {
        let core = &self.core;
        let count = core.log.position().0 - self.frozen_ops;
        if count == 0 {
            return None;
        }
        core.sync.note_activity();
        let head = core.log.head();
        let called = core.log.claim(self.frozen).first_time(self.frozen, head);
        let age = Duration::from_millis(called.map_or(0, |time| clock::now_ms().saturating_sub(time)));
        let now = Instant::now();
        // It came to the log after the generation had ended, whatever the clock on the wall says.
        let since = now.checked_sub(age).map_or(self.frozen_at, |since| since.max(self.frozen_at));
        let are_many = count >= MANY || head.0 - self.frozen.0 >= core.log.capacity() / MUCH;
        Some(due(since, are_many, start, now, core.options.flush_interval()))
    }
}

/// When writes are to be flushed, the first of which was called at `since`, during a flush from `start` to `end`: after an
/// interval. Unless they `are_many`, they wait until the flushes have rested for as long as that one took, or an interval: or
/// they would keep a slow disk busy all the time, and bring documents that change often to it for every few changes.
fn due(since: Instant, are_many: bool, start: Instant, end: Instant, interval: Duration) -> Instant {
    let rest = if are_many { Duration::ZERO } else { (end - start).min(interval) };
    (since + interval).max(end + rest)
}

#[cfg(test)]
mod test {
    use std::time::{Duration, Instant};

    use super::due;

    #[test]
    fn a_flush_is_due_an_interval_after_the_oldest_write_and_after_a_rest_if_few_wait() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        for (called, took, are_many, expected) in [
            (0, 10, false, 100),
            (10, 10, false, 110),
            (0, 60, false, 120),
            (0, 60, true, 100),
            (30, 60, false, 130),
            (0, 500, false, 600),
            (0, 500, true, 500),
            (450, 500, true, 550),
        ] {
            let due = due(start + ms(called), are_many, start, start + ms(took), ms(100));
            assert_eq!(
                due - start,
                ms(expected),
                "called at {called}, in a flush of {took} ms, many: {are_many}"
            );
        }
    }
}
