//! The log's queue at work: what happens to writes that find no room in the ring.

use std::{sync::atomic::Ordering, time::Instant};

use parking_lot::MutexGuard;

use super::{Done, Draft, Log, append::Appender, queue::Task};
use crate::engine::error::{Error, Result};

impl Log {
    /// Calls `done` once everything that waits now is in the log; returns false if nothing waits.
    pub fn barrier(&self, done: impl FnOnce() -> Done) -> bool {
        let mut appender = self.appender.lock();
        let waiting = !appender.queue.is_empty();
        if waiting {
            appender.queue.push_barrier(done);
        }
        waiting
    }

    /// Whether writes wait for room.
    pub fn has_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    /// Bytes waiting for room.
    pub fn waiting_bytes(&self) -> u64 {
        self.appender.lock().queue.bytes()
    }

    /// Blocks while the queue takes no more, at most until `deadline`. False: it still does not.
    pub fn wait_for_queue(&self, deadline: Instant) -> bool {
        let mut appender = self.appender.lock();
        while appender.queue.is_full() && !appender.closed {
            if self.shorter.wait_until(&mut appender, deadline).timed_out() {
                return !appender.queue.is_full();
            }
        }
        true
    }

    /// Moves waiting writes into the log as far as there is room. Calls back those that got in, without the lock.
    /// True: a document too large for the log is now first in line (see [`Log::take_direct`]).
    pub fn drain(&self) -> bool {
        let mut done = Vec::new();
        let mut appender = self.appender.lock();
        let direct = loop {
            match appender.queue.first_length() {
                None => break false,
                Some(None) => break true,
                Some(Some(length)) if length > 0 && !self.fits(&appender, length) => break false,
                Some(Some(_)) => {}
            }
            let (task, callback) = appender.queue.pop().expect("there is a first one");
            if let Task::Record { mut draft, time_ms, .. } = task {
                // NOTE: the time is that of the call, the place that of now.
                self.put(&mut appender, &mut draft, time_ms);
            }
            done.push(callback);
        };
        self.release(appender);
        for callback in done {
            callback(Ok(()));
        }
        direct
    }

    /// The document too large for the log that is first in line, with the time of its call. It stays in line, so
    /// that later writes wait, until [`Log::finish_direct`].
    pub fn take_direct(&self) -> Option<(Draft, u64)> {
        self.appender.lock().queue.direct()
    }

    /// Ends what [`Log::take_direct`] began.
    pub fn finish_direct(&self, result: Result<()>) {
        let mut appender = self.appender.lock();
        let finished = appender.queue.pop();
        self.release(appender);
        if let Some((_, callback)) = finished {
            callback(result);
        }
    }

    /// Fails what has waited since before `since`.
    pub fn expire(&self, since: Instant, error: impl Fn() -> Error) {
        let mut appender = self.appender.lock();
        let expired = appender.queue.expire(since);
        self.release(appender);
        for callback in expired {
            callback(Err(error()));
        }
    }

    /// Refuses writes from now on and fails those that wait.
    pub fn close(&self) {
        let mut appender = self.appender.lock();
        appender.closed = true;
        let waiting = appender.queue.take_all();
        self.release(appender);
        waiting.into_iter().for_each(|done| done(Err(Error::closed())));
    }

    /// Lets go of the append lock after the queue got shorter.
    fn release(&self, appender: MutexGuard<'_, Appender>) {
        self.waiting.store(!appender.queue.is_empty(), Ordering::Release);
        drop(appender);
        self.shorter.notify_all();
    }
}
