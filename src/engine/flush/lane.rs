//! The parts that one shard still has to take, and its patience while it fails.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Part, pause::Pause};
use crate::engine::{
    error::{Code, Error},
    log::Lsn,
};

/// How long a shard may be held by others before that is told, and a flush that is asked for fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) parts: VecDeque<Arc<Part>>,
    pause: Pause,
    pub(super) error: Option<Error>,
    /// Since when others have held the shard and it has taken nothing.
    busy_since: Option<Instant>,
    /// Up to where it had the log then.
    applied: Lsn,
    /// The shard has to be reopened, whether or not it lacks anything.
    pub(super) is_suspect: bool,
}

impl Lane {
    /// Whether to try now. `forced`: somebody waits.
    pub(super) fn is_due(&self, now: Instant, forced: bool) -> bool {
        (self.is_suspect || !self.parts.is_empty()) && (forced || self.pause.is_over(now))
    }

    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.pause.until()
    }

    /// Where the oldest operation starts that the shard lacks.
    pub(super) fn lacks_from(&self) -> Option<Lsn> {
        self.parts.front().map(|part| part.start)
    }

    /// Whether a failure is worth telling: that others hold the shard for a moment is in the nature of sharing it.
    pub(super) fn is_worth_telling(&self, error: &Error, now: Instant) -> bool {
        error.code() != Code::Busy || self.is_held(now)
    }

    /// Whether others hold the shard for longer than that.
    pub(super) fn is_held(&self, now: Instant) -> bool {
        self.busy_since.is_some_and(|since| now - since >= PATIENCE)
    }

    /// Notes up to where the shard has the log after an attempt. Those with whom it is shared take turns with this process: as long as it takes
    /// something nobody holds it.
    pub(super) fn note_applied(&mut self, applied: Lsn) {
        if std::mem::replace(&mut self.applied, applied) != applied {
            self.busy_since = None;
        }
    }

    /// How many writes the shard lacks, and the time of the oldest.
    pub(super) fn waiting(&self) -> (u64, Option<u64>) {
        let writes = self.parts.iter().map(|part| part.entries.len() as u64).sum();
        let oldest = self.parts.front().and_then(|part| part.entries.first());
        (writes, oldest.map(|entry| entry.time_ms))
    }

    /// Why the shard cannot be written, if that is worth telling.
    pub(super) fn failure(&self, now: Instant) -> Option<&Error> {
        self.error.as_ref().filter(|error| self.is_worth_telling(error, now))
    }

    /// Drops the parts that were applied and remembers how the attempt ended.
    pub(super) fn settle(&mut self, applied: usize, error: Option<Error>, is_suspect: bool, now: Instant) {
        self.parts.drain(..applied);
        self.is_suspect = is_suspect;
        // Where nothing is left to do, there is nothing to try again, whatever went wrong.
        let error = error.filter(|_| is_suspect || !self.parts.is_empty());
        match &error {
            Some(error) if error.code() == Code::Busy => {
                self.busy_since.get_or_insert(now);
                self.pause.lengthen_while_busy(now);
            }
            Some(_) => self.pause.lengthen(now),
            None => self.pause.end(),
        }
        if error.as_ref().is_none_or(|error| error.code() != Code::Busy) {
            self.busy_since = None;
        }
        self.error = error;
    }
}
