//! The log as all threads share it: a ring, who may append to it, and where its parts begin and end.

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
    Id, Lsn, header::LogHeader, pace::Pace, queue::Queue, ring::Ring, sync::SyncProgress, waiting::Outbox,
};
use crate::engine::{
    error::Error,
    io::{File, FileSystem},
    sync::{AtomicBool, AtomicU64, Condvar, Mutex},
};

/// Bound of a record in a very large ring: its length has 32 bits.
const LARGEST: u64 = 1 << 30;

/// The ring and who may append to it. Shared by all threads.
#[derive(Debug)]
pub struct Log {
    pub(super) ring: Ring,
    pub(super) location: Option<Location>,
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
    /// The file that has the log's name, where it could not be gone over to. Kept open for its lock.
    pub(super) named: Mutex<Option<Arc<dyn File>>>,
    /// Held by whoever writes the header; taken before the append lock.
    pub(super) fronts: Mutex<()>,
    pub(super) progress: SyncProgress,
    /// What writing to the file takes.
    pub(super) pace: Pace,
}

/// Where a log's file is.
#[derive(Debug, Clone)]
pub(super) struct Location {
    pub(super) path: PathBuf,
    pub(super) files: Arc<dyn FileSystem>,
}

#[derive(Debug)]
pub(super) struct Appender {
    pub(super) header: LogHeader,
    pub(super) head: u64,
    pub(super) ops: u64,
    /// Number of operations at which the flush scheduler wants to be woken.
    pub(super) wake_at: u64,
    pub(super) queue: Queue,
    /// Operations that a thread brings from the queue to the file, without the lock: until that is done nobody else appends.
    pub(super) on_the_way: Option<u64>,
    pub(super) outbox: Outbox,
    /// Why nothing may be appended: the log is closed, or its file is not the one of its name.
    pub(super) refusal: Option<Error>,
}

impl Log {
    pub(super) fn new(ring: Ring, location: Option<Location>, header: LogHeader) -> Self {
        let start = header.start;
        Log {
            location,
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
            named: Mutex::new(None),
            fronts: Mutex::new(()),
            progress: SyncProgress::from(header.start),
            pace: Pace::new(ring.is_written()),
            ring,
        }
    }

    /// The log file; `None` if this log is memory only.
    pub fn path(&self) -> Option<&Path> {
        self.location.as_ref().map(|location| location.path.as_path())
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

    /// A failed write to the log's file as our error.
    pub fn failed(&self, error: &io::Error) -> Error {
        self.failed_to("write to the log", error)
    }

    /// A failure of the log's file, met while `doing` something to it, as our error.
    pub fn failed_to(&self, doing: &str, error: &io::Error) -> Error {
        Error::io(doing, self.path().unwrap_or(Path::new("")), error)
    }
}
