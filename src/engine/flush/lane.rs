//! The parts that one shard still has to take, and its patience while it fails.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use super::Part;
use crate::engine::{error::Error, log::Lsn};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) parts: VecDeque<Arc<Part>>,
    /// When to try again, and the pause that came before; set while the shard fails.
    retry: Option<(Instant, Duration)>,
    pub(super) error: Option<Error>,
    /// The shard has to be reopened, whether or not it lacks anything.
    pub(super) is_suspect: bool,
}

impl Lane {
    /// Whether to try now. `forced`: somebody waits.
    pub(super) fn is_due(&self, now: Instant, forced: bool) -> bool {
        (self.is_suspect || !self.parts.is_empty()) && (forced || self.retry_at().is_none_or(|at| at <= now))
    }

    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry.map(|(at, _)| at)
    }

    /// Where the oldest operation starts that the shard lacks.
    pub(super) fn lacks_from(&self) -> Option<Lsn> {
        self.parts.front().map(|part| part.start)
    }

    /// Drops the parts that were applied and remembers how the attempt ended.
    pub(super) fn settle(&mut self, applied: usize, error: Option<Error>, is_suspect: bool, now: Instant) {
        self.parts.drain(..applied);
        self.is_suspect = is_suspect;
        // Whatever went wrong otherwise, nothing is left to try again.
        let error = error.filter(|_| is_suspect || !self.parts.is_empty());
        self.retry = error.as_ref().map(|_| {
            let pause = self.retry.map_or(FIRST_PAUSE, |(_, pause)| (pause * 2).min(LONGEST_PAUSE));
            (now + pause, pause)
        });
        self.error = error;
    }
}
