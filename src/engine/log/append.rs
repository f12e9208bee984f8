//! What touches the ring's memory: the append, of one lock and one copy, and reading what is claimed.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use super::{
    Claim, Done, Draft, Log, Lsn, Op,
    op::decode_op,
    pages::Way,
    queue::Task,
    record::{Header, RECORD_HEADER, Record},
    shared::Appender,
};
use crate::engine::{
    clock,
    error::Result,
    prefetch::prefetch,
    stopwatch::Stopwatch,
    sync::{MutexGuard, publish},
};

/// What became of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log; `end` is the end of its record.
    Logged {
        /// First byte behind the record.
        end: Lsn,
        /// The flush scheduler asked to be woken at this point.
        wake: bool,
    },
    /// It waits, behind everything that was called before: see [`Log::waits_for`].
    Queued,
}

impl Log {
    /// Appends the draft if there is room, nobody waits and the file is fast; otherwise queues a copy and calls `done` once
    /// that is in the log. Fails with `Code::BufferFull` when the queue itself is full.
    ///
    /// A record that is too large for the ring is queued too: see [`super::Side`].
    pub fn append(&self, draft: &mut Draft, done: impl FnOnce() -> Done) -> Result<Appended> {
        let length = draft.len();
        let mut appender = self.appender.lock();
        if let Some(refusal) = &appender.refusal {
            return Err(refusal.clone());
        }
        let is_large = length > self.largest_record();
        let is_in_turn = appender.queue.is_empty() && appender.on_the_way.is_none() && !self.pace.is_slow();
        if !is_large && is_in_turn && self.fits(appender.head, length) {
            let end = self.put(&mut appender, draft, clock::now_ms()).map_err(|error| self.failed(&error))?;
            let wake = appender.ops >= appender.wake_at;
            if wake {
                appender.wake_at = u64::MAX;
            }
            return Ok(Appended::Logged { end, wake });
        }
        let task = Task::Record { draft: draft.clone(), time_ms: clock::now_ms(), is_large };
        appender.queue.push(task, done)?;
        self.waiting.store(true, Ordering::Release);
        Ok(Appended::Queued)
    }

    /// Appends an empty record, so that what comes after has a later place than all before. There must be room.
    pub fn mark(&self) -> Result<Lsn> {
        let mut draft = Draft::begun();
        let mut appender = self.appender_in_turn();
        self.put(&mut appender, &mut draft, clock::now_ms()).map_err(|error| self.failed(&error))
    }

    /// The append lock, while nothing is on its way to the file.
    pub(super) fn appender_in_turn(&self) -> MutexGuard<'_, Appender> {
        let mut appender = self.appender.lock();
        while appender.on_the_way.is_some() {
            self.shorter.wait(&mut appender);
        }
        appender
    }

    /// Wakes the scheduler at the append that makes the count reach `ops`.
    /// True: it is reached already, so do not sleep.
    pub fn wake_at(&self, ops: u64) -> bool {
        let mut appender = self.appender.lock();
        let reached = appender.ops >= ops;
        appender.wake_at = if reached { u64::MAX } else { ops };
        reached
    }

    pub(super) fn fits(&self, head: u64, length: u64) -> bool {
        let pad = self.pad(head, length);
        head + pad + length - self.tail.load(Ordering::Acquire) <= self.ring.capacity()
    }

    /// Bytes to leave unused so that a record of `length` does not wrap.
    fn pad(&self, head: u64, length: u64) -> u64 {
        let left = self.ring.to_lap_end(head);
        if left < length { left } else { 0 }
    }

    /// Puts the record at the head.
    ///
    /// # Errors
    /// The file could not be written: the record is not in the log, and the log must not be trusted any more.
    pub(super) fn put(&self, appender: &mut Appender, draft: &mut Draft, time_ms: u64) -> io::Result<Lsn> {
        let end = self.place(appender.head, draft, time_ms);
        self.write_out(appender.head, end)?;
        Ok(self.publish(appender, end, u64::from(draft.ops())))
    }

    /// Copies a record to the place behind `head` in memory, where nobody sees it before it is [published](Log::publish).
    /// Returns its end. The caller has the append lock, or what is on its way is its own.
    pub(super) fn place(&self, head: u64, draft: &mut Draft, time_ms: u64) -> u64 {
        let seed = self.seed.load(Ordering::Relaxed);
        let length = draft.len();
        let pad = self.pad(head, length);
        if pad >= RECORD_HEADER as u64 {
            let header = Header { length: pad as u32, time_ms, is_padding: true };
            // SAFETY: the append lock is held, nothing of another thread is on its way, and `fits` found this range free.
            unsafe { self.ring.write(head, header.encode(seed, Lsn(head), 0), &[]) };
        }
        let at = head + pad;
        let end = at + length;
        let is_by_call = self.ring.lacks_pages(end) && {
            let room = self.tail().0 + self.capacity();
            self.ring.see_to_pages(at, end, room, self.synced().0) == Way::ByCall
        };
        // SAFETY: as above; the record does not wrap because of the padding.
        unsafe {
            if !is_by_call || !self.ring.write_by_call(at, draft.finish(seed, Lsn(at), time_ms)) {
                self.ring.write(at, draft.header(seed, Lsn(at), time_ms), draft.body());
            }
        }
        end
    }

    /// Brings records that are in their places to the file, where they are not there already. The caller has the append lock,
    /// or what is on its way is its own.
    pub(super) fn write_out(&self, from: u64, to: u64) -> io::Result<()> {
        if self.ring.is_written() {
            let watch = Stopwatch::start();
            // SAFETY: nobody else appends meanwhile.
            unsafe { self.ring.write_out(from, to) }?;
            self.pace.note(watch.took());
        }
        Ok(())
    }

    /// Moves the head behind records that are in their places.
    pub(super) fn publish(&self, appender: &mut Appender, end: u64, ops: u64) -> Lsn {
        appender.head = end;
        appender.ops += ops;
        // IMPORTANT: Release, after the record: who sees the new head sees the bytes.
        self.head.store(end, publish());
        Lsn(end)
    }

    /// Keeps everything from `from` on in place, which is not reclaimed yet.
    pub fn claim(self: &Arc<Self>, from: Lsn) -> Claim {
        Claim::new(self, from)
    }

    /// Keeps everything that is not reclaimed yet in place.
    pub fn claim_all(self: &Arc<Self>) -> Claim {
        // IMPORTANT: or the tail could pass by between the question where it is and the claim.
        let _tail_stays = self.reclaiming.lock();
        Claim::new(self, self.tail())
    }

    /// The operation at `at`. Only [`Claim`] calls this, which keeps the bytes in place while they are borrowed.
    pub(super) fn op_at(&self, at: u64, check: bool) -> Option<(Op<'_>, usize)> {
        let length = self.ring.to_lap_end(at).min(self.head().0 - at) as usize;
        // SAFETY: below the head, hence written; not below the claim's start, which was not below the tail, hence not overwritten.
        decode_op(unsafe { self.ring.bytes(at, length) }, check)
    }

    /// See [`Claim::prefetch`].
    pub(super) fn prefetch(&self, at: u64) {
        let length = self.ring.to_lap_end(at).min(self.head().0 - at) as usize;
        // SAFETY: as in `op_at`.
        prefetch(unsafe { self.ring.bytes(at, length) });
    }

    /// The record at `at` or, behind padding, at the start of the next lap, not checked yet. `None`: there is none. `seed`: of its
    /// epoch.
    pub(super) fn record_at(&self, mut at: u64, end: u64, seed: u32) -> Option<Record<'_>> {
        loop {
            let left = self.ring.to_lap_end(at);
            if left >= RECORD_HEADER as u64 {
                let length = left.min(end.checked_sub(at)?) as usize;
                // SAFETY: as in `op_at`.
                let record = Record::peek(unsafe { self.ring.bytes(at, length) }, Lsn(at))?;
                if !record.header.is_padding {
                    return Some(record);
                }
                record.verify(seed, &mut 0)?;
            }
            at += left;
        }
    }
}
