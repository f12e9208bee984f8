//! How other threads tell the scheduler and the sync thread what they want.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::pool::Jobs;
use crate::engine::{
    error::Error,
    log::{Done, Lsn},
};

/// The scheduler's inbox.
#[derive(Debug, Default)]
pub(crate) struct FlushControl {
    pub(super) inbox: Mutex<FlushInbox>,
    pub(super) changed: Condvar,
    pub(crate) jobs: Arc<Jobs>,
    /// When a shard last took something.
    progress: Mutex<Option<Instant>>,
    /// The scheduler is at work, so that nobody wakes it.
    is_at_work: AtomicBool,
}

#[derive(Default)]
pub(super) struct FlushInbox {
    pub(super) requests: Vec<Request>,
    /// Writes wait for room in the log.
    pub(super) room_wanted: bool,
    pub(super) stop: bool,
    closed: bool,
}

/// Somebody waits for everything before `target` to be in the shards and durable.
pub(crate) struct Request {
    pub(crate) target: Lsn,
    pub(crate) done: Done,
    pub(crate) since: Instant,
}

impl Request {
    pub(crate) fn new(target: Lsn, done: Done) -> Self {
        Request { target, done, since: Instant::now() }
    }
}

impl std::fmt::Debug for FlushInbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlushInbox").field("requests", &self.requests.len()).finish_non_exhaustive()
    }
}

impl FlushControl {
    /// The log has reached the number of operations at which the scheduler wanted to be woken.
    pub(crate) fn wake(&self) {
        let _inbox = self.inbox.lock();
        self.changed.notify_one();
    }

    pub(crate) fn want_room(&self) {
        let mut inbox = self.inbox.lock();
        inbox.room_wanted = true;
        self.jobs.hurry(true);
        self.changed.notify_one();
    }

    /// A flush begins. `is_wanted`: somebody waits for it.
    pub(super) fn begin(&self, is_wanted: bool) {
        // IMPORTANT: under the lock, so that what somebody wants from now on is not overlooked.
        let inbox = self.inbox.lock();
        self.jobs.hurry(is_wanted || inbox.stop || inbox.room_wanted || !inbox.requests.is_empty());
    }

    /// The scheduler begins or ends its work.
    pub(super) fn note_work(&self, is: bool) {
        self.is_at_work.store(is, Ordering::Release);
    }

    /// Whether a write may find nobody to tell that it is to be synced.
    pub(super) fn is_at_work(&self) -> bool {
        self.is_at_work.load(Ordering::Acquire)
    }

    /// A shard has taken something, so there will be room in the log.
    pub(super) fn note_progress(&self) {
        *self.progress.lock() = Some(Instant::now());
    }

    /// Whether a shard has taken something in so much time.
    pub(crate) fn has_got_on(&self, within: Duration) -> bool {
        self.progress.lock().is_some_and(|at| at.elapsed() < within)
    }

    pub(crate) fn request(&self, request: Request) {
        let mut inbox = self.inbox.lock();
        if inbox.closed {
            drop(inbox);
            return (request.done)(Err(Error::closed()));
        }
        inbox.requests.push(request);
        self.jobs.hurry(true);
        self.changed.notify_one();
    }

    /// The scheduler is gone: fails what came too late.
    pub(crate) fn close(&self) {
        let mut inbox = self.inbox.lock();
        inbox.closed = true;
        let late = std::mem::take(&mut inbox.requests);
        drop(inbox);
        late.into_iter().for_each(|request| (request.done)(Err(Error::closed())));
    }

    pub(crate) fn stop(&self) {
        let mut inbox = self.inbox.lock();
        inbox.stop = true;
        self.jobs.hurry(true);
        self.changed.notify_one();
    }
}

/// How long the header's note of how far the log is synced may lag.
const NOTE_LAG: Duration = Duration::from_millis(100);

/// The sync thread's inbox.
#[derive(Debug, Default)]
pub(crate) struct SyncControl {
    pub(super) inbox: Mutex<SyncInbox>,
    pub(super) changed: Condvar,
    /// Held by whoever syncs the log.
    pub(super) turn: Mutex<()>,
}

#[derive(Default)]
pub(super) struct SyncInbox {
    pub(super) waiters: Vec<Done>,
    /// Waiters whom the sync thread has taken last.
    pub(super) served: usize,
    /// Up to here all shards have the log.
    pub(super) reclaim: Option<Lsn>,
    /// The log was written to, so it is synced at the end of the interval.
    pub(super) active: bool,
    /// Writes wait for a thread that brings them to the log's slow file.
    pub(super) drain: bool,
    /// The log needs another file, now.
    pub(super) mend: bool,
    /// When the header is to note how far the log is synced. `None`: it tells all that is.
    pub(super) note_due: Option<Instant>,
    pub(super) stop: bool,
    closed: bool,
}

impl std::fmt::Debug for SyncInbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncInbox").field("waiters", &self.waiters.len()).finish_non_exhaustive()
    }
}

impl SyncControl {
    /// Calls `done` once everything that is in the log now is on the disk.
    pub(crate) fn wait(&self, done: Done) {
        let mut inbox = self.inbox.lock();
        if inbox.closed {
            drop(inbox);
            return done(Err(Error::closed()));
        }
        inbox.waiters.push(done);
        self.changed.notify_one();
    }

    /// Whether several wait for the disk at the same time, or did so at the last sync.
    pub(super) fn is_shared(&self) -> bool {
        let inbox = self.inbox.lock();
        inbox.served > 1 || !inbox.waiters.is_empty()
    }

    /// The sync thread is gone: fails what came too late.
    pub(crate) fn close(&self) {
        let mut inbox = self.inbox.lock();
        inbox.closed = true;
        let late = std::mem::take(&mut inbox.waiters);
        drop(inbox);
        late.into_iter().for_each(|done| done(Err(Error::closed())));
    }

    /// Frees the log up to `applied`, which all shards have.
    pub(crate) fn reclaim(&self, applied: Lsn) {
        let mut inbox = self.inbox.lock();
        inbox.reclaim = inbox.reclaim.max(Some(applied));
        self.changed.notify_one();
    }

    /// Writes wait for a thread that brings them to the log's slow file.
    pub(crate) fn drain(&self) {
        self.inbox.lock().drain = true;
        self.changed.notify_one();
    }

    pub(crate) fn note_activity(&self) {
        let mut inbox = self.inbox.lock();
        if !inbox.active {
            inbox.active = true;
            self.changed.notify_one();
        }
    }

    /// Something was synced that the header does not note.
    pub(super) fn owe_note(&self) {
        let mut inbox = self.inbox.lock();
        if inbox.note_due.is_none() {
            inbox.note_due = Some(Instant::now() + NOTE_LAG);
            self.changed.notify_one();
        }
    }

    /// The log has failed and needs another file, whenever its next sync would be.
    pub(crate) fn mend(&self) {
        let mut inbox = self.inbox.lock();
        (inbox.active, inbox.mend) = (true, true);
        self.changed.notify_one();
    }

    pub(crate) fn stop(&self) {
        self.inbox.lock().stop = true;
        self.changed.notify_one();
    }
}
