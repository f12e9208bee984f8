//! The log's queue at work: what happens to writes that find no room in the ring, or a slow file.
//!
//! Callbacks run in the order of the calls, whichever thread finished them, and without any lock: one may write,
//! or ask for a barrier, itself. So they go through an outbox, which one thread at a time empties.

use std::{
    collections::VecDeque,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::Ordering,
    time::Instant,
};

use super::{
    Done, Draft, Log,
    queue::{Need, Task, Until},
    shared::Appender,
};
use crate::engine::{
    error::{Error, Result},
    panic::{call_back, panicked},
    sync::MutexGuard,
};

/// Finished tasks whose callers have not been told.
#[derive(Default)]
pub(super) struct Outbox {
    finished: VecDeque<(Done, Result<()>)>,
    /// A thread is calling back; it goes on with what comes meanwhile.
    is_delivering: bool,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("finished", &self.finished.len()).finish_non_exhaustive()
    }
}

/// What a write waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// None waits, or a thread is at it.
    Nothing,
    /// For room in the ring, or it is too large for that.
    Room,
    /// For a thread that calls [`Log::drain`].
    Thread,
}

/// Bytes that are brought from the queue to a file at once: whoever waits is told after that.
const BROUGHT_AT_ONCE: u64 = 1 << 20;

/// Writes that were taken from the queue to their places behind the head.
struct Gathered {
    /// Where the head will be.
    end: u64,
    ops: u64,
    finished: Vec<(Task, Done)>,
}

/// What the caller of a task that failed is told. Who only waits for others to be told goes on: they were.
fn failure_of(task: &Task, error: Error) -> Result<()> {
    if matches!(task, Task::Barrier(Until::Told)) { Ok(()) } else { Err(error) }
}

impl Log {
    /// Calls `done` once everything that waits now has got so far, and its callers were told; returns false if that is so already.
    pub fn barrier(&self, until: Until, done: impl FnOnce() -> Done) -> bool {
        let mut appender = self.appender.lock();
        let outbox = &mut appender.outbox;
        let is_telling = outbox.is_delivering || !outbox.finished.is_empty();
        if !appender.queue.has_got(until) || appender.on_the_way.is_some() {
            appender.queue.push_barrier(until, done);
        } else if is_telling {
            appender.outbox.finished.push_back((done(), Ok(())));
        } else {
            return false;
        }
        true
    }

    /// Whether writes wait.
    pub fn has_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    /// What the first that waits does so for.
    pub fn waits_for(&self) -> WaitsFor {
        if !self.has_waiting() {
            return WaitsFor::Nothing;
        }
        let appender = self.appender.lock();
        match appender.queue.first_need() {
            // Who has brought that to the file asks again.
            _ if appender.on_the_way.is_some() => WaitsFor::Nothing,
            None => WaitsFor::Nothing,
            Some(Need::FileOfItsOwn) => WaitsFor::Room,
            Some(Need::Bytes(length)) if !self.fits(appender.head, length) => WaitsFor::Room,
            Some(Need::Bytes(_) | Need::Nothing) => WaitsFor::Thread,
        }
    }

    /// Whether writes wait for room.
    pub fn lacks_room(&self) -> bool {
        self.waits_for() == WaitsFor::Room
    }

    /// Bytes that wait.
    pub fn waiting_bytes(&self) -> u64 {
        self.appender.lock().queue.bytes()
    }

    /// Since when the first of those that wait has waited.
    pub fn waiting_since(&self) -> Option<Instant> {
        self.appender.lock().queue.since()
    }

    /// Blocks while the queue takes no more, at most until `deadline`. False: it still does not.
    pub fn wait_for_queue(&self, deadline: Instant) -> bool {
        let mut appender = self.appender.lock();
        while appender.queue.is_full() && appender.refusal.is_none() {
            if self.shorter.wait_until(&mut appender, deadline).timed_out() {
                return !appender.queue.is_full();
            }
        }
        true
    }

    /// Moves waiting writes into the log as far as there is room, and calls back those that got in; where they are written to a
    /// file, so many as are written at once, while the lock is free. Ask [`Log::waits_for`] after it.
    /// True: a record too large for the ring is now first in line (see [`Log::take_large`]).
    ///
    /// # Errors
    /// The log could not be written, so its callers were told and it must not be trusted any more.
    pub fn drain(&self) -> Result<bool> {
        let mut appender = self.appender.lock();
        if appender.on_the_way.is_some() {
            return Ok(false);
        }
        let Gathered { end, ops, finished } = self.gather(&mut appender);
        let brought = self.bring_out(&mut appender, end, ops).map_err(|error| self.failed(&error));
        if brought.is_ok() {
            self.publish(&mut appender, end, ops);
        }
        let told = finished
            .into_iter()
            .map(|(task, callback)| (callback, brought.clone().or_else(|error| failure_of(&task, error))));
        appender.outbox.finished.extend(told);
        let is_large_first = appender.queue.first_need() == Some(Need::FileOfItsOwn);
        self.deliver(appender);
        brought.map(|()| is_large_first)
    }

    /// Takes waiting writes from the queue to their places behind the head, as far as there is room.
    fn gather(&self, appender: &mut Appender) -> Gathered {
        let mut gathered = Gathered { end: appender.head, ops: 0, finished: Vec::new() };
        let most = if self.ring.is_written() { BROUGHT_AT_ONCE } else { u64::MAX };
        let is_met = |need, end| match need {
            Need::Nothing => true,
            Need::Bytes(length) => self.fits(end, length),
            Need::FileOfItsOwn => false,
        };
        while gathered.end - appender.head < most
            && appender.queue.first_need().is_some_and(|need| is_met(need, gathered.end))
        {
            let (mut task, callback) = appender.queue.pop().expect("there is a first one");
            if let Task::Record { draft, time_ms, .. } = &mut task {
                // NOTE: the time is that of the call, the place that of now.
                gathered.end = self.place(gathered.end, draft, *time_ms);
                gathered.ops += u64::from(draft.ops());
                // Its bytes are in the ring.
                *draft = Draft::default();
            }
            gathered.finished.push((task, callback));
        }
        gathered
    }

    /// Brings what was gathered to the file, where there is one to write. Nobody has to wait for the lock meanwhile.
    fn bring_out(&self, appender: &mut MutexGuard<'_, Appender>, end: u64, ops: u64) -> io::Result<()> {
        let head = appender.head;
        if !self.ring.is_written() || end == head {
            return Ok(());
        }
        appender.on_the_way = Some(ops);
        let write_out = AssertUnwindSafe(|| self.write_out(head, end));
        let brought = MutexGuard::unlocked(appender, || catch_unwind(write_out))
            .unwrap_or_else(|panic| Err(io::Error::other(panicked(&*panic).to_string())));
        appender.on_the_way = None;
        brought
    }

    /// The record too large for the ring that is first in line, with the time of its call. It stays in line, so
    /// that later writes wait, until [`Log::finish_large`].
    pub fn take_large(&self) -> Option<(Draft, u64, Instant)> {
        let mut appender = self.appender.lock();
        // IMPORTANT: what was called before it has to be in the log first.
        if appender.on_the_way.is_some() { None } else { appender.queue.take_large() }
    }

    /// Ends what [`Log::take_large`] began.
    pub fn finish_large(&self, result: Result<()>) {
        let mut appender = self.appender.lock();
        if let Some((_, callback)) = appender.queue.pop() {
            appender.outbox.finished.push_back((callback, result));
        }
        self.deliver(appender);
    }

    /// Tells the caller of what [`Log::take_large`] gave how it went, before it is finished.
    pub fn tell_large(&self, result: Result<()>) {
        let mut appender = self.appender.lock();
        if let Some(callback) = appender.queue.tell_large() {
            appender.outbox.finished.push_back((callback, result));
        }
        self.deliver(appender);
    }

    /// Fails what has waited since before `since`; nothing while something that was called before it is on its way.
    pub fn expire(&self, since: Instant, error: impl Fn() -> Error) {
        let mut appender = self.appender.lock();
        if appender.on_the_way.is_some() {
            return;
        }
        let expired = appender.queue.expire(since);
        let told = expired.into_iter().map(|(task, callback)| (callback, failure_of(&task, error())));
        appender.outbox.finished.extend(told);
        self.deliver(appender);
    }

    /// Fails everything that waits and nobody has taken; nothing while something that was called before it is on its way.
    pub fn fail_waiting(&self, error: &Error) {
        let mut appender = self.appender.lock();
        if appender.on_the_way.is_some() {
            return;
        }
        let waiting = appender.queue.take_untaken();
        let told = waiting.into_iter().map(|(task, callback)| (callback, failure_of(&task, error.clone())));
        appender.outbox.finished.extend(told);
        self.deliver(appender);
    }

    /// Refuses writes from now on and fails those that wait.
    pub fn close(&self) {
        let mut appender = self.appender.lock();
        appender.refusal = Some(Error::closed());
        let waiting = appender.queue.take_all();
        appender.outbox.finished.extend(waiting.into_iter().map(|callback| (callback, Err(Error::closed()))));
        self.deliver(appender);
    }

    /// Tells the callers of finished tasks, and those who wait for a shorter queue.
    fn deliver(&self, mut appender: MutexGuard<'_, Appender>) {
        let is_waiting = !appender.queue.is_empty() || appender.on_the_way.is_some();
        self.waiting.store(is_waiting, Ordering::Release);
        self.shorter.notify_all();
        if appender.outbox.is_delivering {
            return;
        }
        appender.outbox.is_delivering = true;
        while let Some((callback, result)) = appender.outbox.finished.pop_front() {
            MutexGuard::unlocked(&mut appender, || call_back(|| callback(result)));
        }
        appender.outbox.is_delivering = false;
    }
}
