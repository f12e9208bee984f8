//! The log and the append: one lock, one copy.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use super::{
    Claim, Done, Draft, Id, Lsn,
    header::LogHeader,
    op::decode_op,
    pace::Pace,
    pages::Way,
    queue::{Queue, Task},
    record::{Header, RECORD_HEADER, Record},
    ring::Ring,
    sync::Progress,
    waiting::Outbox,
};
use crate::engine::{
    clock,
    error::{Error, Result},
    io::FileSystem,
    prefetch::prefetch,
    stopwatch::Stopwatch,
    sync::{AtomicBool, AtomicU64, Condvar, Mutex, MutexGuard, publish},
};

/// Bound of a record in a very large ring: its length has 32 bits.
const LARGEST: u64 = 1 << 30;

/// The ring and who may append to it. Shared by all threads.
#[derive(Debug)]
pub struct Log {
    pub(super) ring: Ring,
    pub(super) place: Option<Place>,
    /// What the checksums of this epoch's records begin with.
    pub(super) seed: AtomicU32,
    id: Id,
    database: Id,
    pub(super) appender: Mutex<Appender>,
    /// Signalled when the queue got shorter.
    pub(super) shorter: Condvar,
    /// End of the last whole record. Stored with Release after the record's bytes.
    pub(super) head: AtomicU64,
    /// Start of what must not be overwritten.
    pub(super) tail: AtomicU64,
    /// Whether the queue holds anything; changed under the append lock.
    pub(super) waiting: AtomicBool,
    pub(super) claims: Mutex<BTreeMap<Lsn, usize>>,
    pub(super) reclaiming: Mutex<()>,
    /// Held by whoever writes the header; taken before the append lock.
    pub(super) fronts: Mutex<()>,
    pub(super) progress: Progress,
    /// What writing to the file takes.
    pub(super) pace: Pace,
}

/// Where a log's file is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) files: Arc<dyn FileSystem>,
}

#[derive(Debug)]
pub(super) struct Appender {
    pub(super) header: LogHeader,
    pub(super) head: u64,
    pub(super) ops: u64,
    /// Number of operations at which the flush scheduler wants to be woken.
    wake_at: u64,
    pub(super) queue: Queue,
    /// Operations that a thread brings from the queue to the file, without the lock: until that is done nobody else appends.
    pub(super) on_the_way: Option<u64>,
    pub(super) outbox: Outbox,
    /// Why nothing may be appended: the log is closed, or its file is not the one of its name.
    pub(super) refusal: Option<Error>,
}

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
    pub(super) fn new(ring: Ring, place: Option<Place>, header: LogHeader) -> Self {
        let start = header.start;
        Log {
            place,
            seed: AtomicU32::new(header.seed()),
            id: header.log,
            database: header.database,
            appender: Mutex::new(Appender {
                header,
                head: start.0,
                ops: 0,
                wake_at: u64::MAX,
                queue: Queue::new(ring.capacity()),
                on_the_way: None,
                outbox: Outbox::default(),
                refusal: None,
            }),
            shorter: Condvar::new(),
            head: AtomicU64::new(start.0),
            tail: AtomicU64::new(start.0),
            waiting: AtomicBool::new(false),
            claims: Mutex::new(BTreeMap::new()),
            reclaiming: Mutex::new(()),
            fronts: Mutex::new(()),
            progress: Progress::from(header.start),
            pace: Pace::new(ring.is_written()),
            ring,
        }
    }

    /// The log file; `None` if this log is memory only.
    pub fn path(&self) -> Option<&Path> {
        self.place.as_ref().map(|place| place.path.as_path())
    }

    /// The log's random name, under which shards store what they have applied.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The database that it belongs to.
    pub fn database(&self) -> Id {
        self.database
    }

    /// Whether a file backs it, so that it survives the process.
    pub fn is_file(&self) -> bool {
        self.ring.is_file()
    }

    /// Keeps the file's pages in front of the head in memory, until [`Log::stop_reading_ahead`].
    pub fn read_ahead(&self) {
        self.ring.follow_writer(self.head().0);
    }

    /// Whether somebody should [`Log::read_ahead`].
    pub fn wants_reading_ahead(&self) -> bool {
        self.ring.wants_follower()
    }

    /// See [`Log::read_ahead`].
    pub fn stop_reading_ahead(&self) {
        self.ring.stop_following();
    }

    /// Bytes of the ring.
    pub fn capacity(&self) -> u64 {
        self.ring.capacity()
    }

    /// Bytes of the ring that are memory of the process, not pages of its file.
    pub fn memory(&self) -> u64 {
        if self.ring.mapped_file().is_some() { 0 } else { self.capacity() }
    }

    /// End of the newest record.
    pub fn head(&self) -> Lsn {
        Lsn(self.head.load(Ordering::Acquire))
    }

    /// Start of what is not reclaimed.
    pub fn tail(&self) -> Lsn {
        Lsn(self.tail.load(Ordering::Acquire))
    }

    /// Bytes that cannot be overwritten now.
    pub fn used(&self) -> u64 {
        self.head().0 - self.tail().0
    }

    /// Largest record of the ring. Up to half of the ring would fit for certain once it is empty; a quarter leaves
    /// room for others meanwhile.
    pub fn largest_record(&self) -> u64 {
        (self.ring.capacity() / 4).min(LARGEST)
    }

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
        let direct = length > self.largest_record();
        let is_in_turn = appender.queue.is_empty() && appender.on_the_way.is_none() && !self.pace.is_slow();
        if !direct && is_in_turn && self.fits(appender.head, length) {
            let end = self.put(&mut appender, draft, clock::now_ms()).map_err(|error| self.failed(&error))?;
            let wake = appender.ops >= appender.wake_at;
            if wake {
                appender.wake_at = u64::MAX;
            }
            return Ok(Appended::Logged { end, wake });
        }
        let task = Task::Record { draft: draft.clone(), time_ms: clock::now_ms(), direct };
        appender.queue.push(task, done)?;
        self.waiting.store(true, Ordering::Release);
        Ok(Appended::Queued)
    }

    /// Operations appended so far, and the end of the last one.
    pub fn position(&self) -> (u64, Lsn) {
        let appender = self.appender.lock();
        (appender.ops, Lsn(appender.head))
    }

    /// Operations appended so far and operations waiting.
    pub fn accepted(&self) -> (u64, u64) {
        let appender = self.appender.lock();
        (appender.ops, appender.queue.ops() + appender.on_the_way.unwrap_or(0))
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

    /// A failure of the log's file as our error.
    pub fn failed(&self, error: &io::Error) -> Error {
        Error::io("write to the log", self.path().unwrap_or(Path::new("")), error)
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
    pub(super) fn op_at(&self, at: u64, check: bool) -> Option<(super::Op<'_>, usize)> {
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
