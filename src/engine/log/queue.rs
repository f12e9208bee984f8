//! Writes that wait for room in the ring, in the order in which they were called.

use std::{collections::VecDeque, fmt, time::Instant};

use super::Draft;
use crate::engine::error::{Code, Error, Result};

/// Called once, from an engine thread, when a waiting task is finished. It must not block.
pub type Done = Box<dyn FnOnce(Result<()>) + Send>;

/// Memory that an entry takes beyond its record.
const OVERHEAD: u64 = 128;

#[derive(Debug)]
pub(super) enum Task {
    Record {
        draft: Draft,
        time_ms: u64,
        /// Too large for the ring: see [`super::Side`].
        is_large: bool,
    },
    /// Such a record that somebody has taken; it keeps its place until that is done. Its caller may have been told before.
    Taken { is_told: bool },
    /// Tells when everything before it has got so far.
    Barrier(Until),
}

/// What a barrier waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// What was called before it is in the log, or in the shards if it is too large for that.
    Logged,
    /// Whoever called before it knows how that went: a read need not see what was refused.
    Told,
}

/// What a task needs to leave the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It only waits for those before it.
    Nothing,
    /// So many bytes of the ring.
    Bytes(u64),
    /// Its record is too large for the ring.
    FileOfItsOwn,
}

impl Task {
    fn bytes(&self) -> u64 {
        match self {
            Task::Record { draft, .. } => draft.len() + OVERHEAD,
            Task::Barrier(_) | Task::Taken { .. } => OVERHEAD,
        }
    }

    fn ops(&self) -> u64 {
        match self {
            Task::Record { draft, .. } => u64::from(draft.ops()),
            Task::Barrier(_) | Task::Taken { .. } => 0,
        }
    }
}

struct Entry {
    since: Instant,
    bytes: u64,
    ops: u64,
    task: Task,
    done: Done,
}

/// First in, first out, bounded in bytes.
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    bytes: u64,
    ops: u64,
    limit: u64,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("entries", &self.entries.len()).field("bytes", &self.bytes).finish()
    }
}

impl Queue {
    pub(super) fn new(limit: u64) -> Self {
        Queue { entries: VecDeque::new(), bytes: 0, ops: 0, limit }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= self.limit
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Since when the first has waited.
    pub(super) fn since(&self) -> Option<Instant> {
        self.entries.front().map(|entry| entry.since)
    }

    /// Operations waiting.
    pub(super) fn ops(&self) -> u64 {
        self.ops
    }

    /// Adds a task. One that is larger than the limit is taken as long as the queue is not full.
    pub(super) fn push(&mut self, task: Task, done: impl FnOnce() -> Done) -> Result<()> {
        if self.is_full() {
            return Err(Error::new(
                Code::BufferFull,
                "The log and the queue before it are full; wait for earlier writes before sending more.",
            ));
        }
        self.add(task, done());
        Ok(())
    }

    pub(super) fn push_barrier(&mut self, until: Until, done: impl FnOnce() -> Done) {
        self.add(Task::Barrier(until), done());
    }

    fn add(&mut self, task: Task, done: Done) {
        let (bytes, ops) = (task.bytes(), task.ops());
        self.bytes += bytes;
        self.ops += ops;
        self.entries.push_back(Entry { since: Instant::now(), bytes, ops, task, done });
    }

    /// What the first task needs; `None`: there is none.
    pub(super) fn first_need(&self) -> Option<Need> {
        self.entries.front().map(|entry| match &entry.task {
            Task::Record { is_large: true, .. } | Task::Taken { .. } => Need::FileOfItsOwn,
            Task::Record { draft, .. } => Need::Bytes(draft.len()),
            Task::Barrier(_) => Need::Nothing,
        })
    }

    /// Takes the draft of a first task that is too large for the ring, with the times of its call; the task keeps its
    /// place.
    pub(super) fn take_large(&mut self) -> Option<(Draft, u64, Instant)> {
        let entry = self.entries.front_mut()?;
        if !matches!(entry.task, Task::Record { is_large: true, .. }) {
            return None;
        }
        match std::mem::replace(&mut entry.task, Task::Taken { is_told: false }) {
            Task::Record { draft, time_ms, .. } => Some((draft, time_ms, entry.since)),
            Task::Taken { .. } | Task::Barrier(_) => unreachable!("just seen"),
        }
    }

    /// The callback of the task that was taken, which keeps its place and tells nobody else.
    pub(super) fn tell_large(&mut self) -> Option<Done> {
        let entry = self.entries.front_mut().filter(|entry| matches!(entry.task, Task::Taken { .. }))?;
        entry.task = Task::Taken { is_told: true };
        Some(std::mem::replace(&mut entry.done, Box::new(|_| ())))
    }

    pub(super) fn pop(&mut self) -> Option<(Task, Done)> {
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.bytes;
        self.ops -= entry.ops;
        Some((entry.task, entry.done))
    }

    pub(super) fn take_all(&mut self) -> Vec<Done> {
        std::iter::from_fn(|| self.pop()).map(|(_, done)| done).collect()
    }

    /// The entry that somebody has taken, out of the queue for a moment.
    fn lift_taken(&mut self) -> Option<Entry> {
        let is_taken = self.entries.front().is_some_and(|entry| matches!(entry.task, Task::Taken { .. }));
        if is_taken { self.entries.pop_front() } else { None }
    }

    /// Whether a barrier would have nothing to wait for.
    pub(super) fn has_got(&self, until: Until) -> bool {
        let is_told = |entry: &Entry| matches!(entry.task, Task::Taken { is_told: true });
        match until {
            Until::Logged => self.entries.is_empty(),
            Until::Told => self.entries.len() <= 1 && self.entries.front().is_none_or(is_told),
        }
    }

    /// Takes what has waited since before `since` and nobody has taken. What waits for all to be told goes on doing so.
    pub(super) fn expire(&mut self, since: Instant) -> Vec<(Task, Done)> {
        self.take_first(|entry| entry.since < since)
    }

    /// Takes everything that nobody has taken, but what waits for all to be told and what was called behind that.
    pub(super) fn take_untaken(&mut self) -> Vec<(Task, Done)> {
        self.take_first(|_| true)
    }

    fn take_first(&mut self, is_meant: impl Fn(&Entry) -> bool) -> Vec<(Task, Done)> {
        let taken = self.lift_taken();
        let is_owed =
            taken.as_ref().is_some_and(|entry| matches!(entry.task, Task::Taken { is_told: false }));
        let mut expired = Vec::new();
        while let Some(entry) = self.entries.front()
            && is_meant(entry)
            && !(is_owed && matches!(entry.task, Task::Barrier(Until::Told)))
        {
            expired.extend(self.pop());
        }
        if let Some(taken) = taken {
            self.entries.push_front(taken);
        }
        expired
    }
}
