//! The pause between attempts that fail: it doubles each time, up to a second.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);
/// The same while somebody else is in the way, who may be gone in a moment, and back a moment later: an attempt waits longer than this, so that
/// most such moments are met.
const WHILE_BUSY: Duration = Duration::from_millis(20);

/// None: the last attempt succeeded.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Pause(Option<(Instant, Duration)>);

impl Pause {
    /// When to try again.
    pub(super) fn until(self) -> Option<Instant> {
        self.0.map(|(until, _)| until)
    }

    pub(super) fn is_over(self, now: Instant) -> bool {
        self.until().is_none_or(|until| until <= now)
    }

    /// An attempt failed.
    pub(super) fn lengthen(&mut self, now: Instant) {
        let length = self.0.map_or(FIRST, |(_, length)| (length * 2).min(LONGEST));
        self.0 = Some((now + length, length));
    }

    /// An attempt failed because somebody else was in the way.
    pub(super) fn lengthen_while_busy(&mut self, now: Instant) {
        self.0 = Some((now + WHILE_BUSY, WHILE_BUSY));
    }

    /// An attempt succeeded.
    pub(super) fn end(&mut self) {
        self.0 = None;
    }
}
