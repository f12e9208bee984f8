//! What all threads of an open database share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use parking_lot::Mutex;

use super::{
    Observer,
    buffer::Buffer,
    cache::Cache,
    error::Error,
    flush::{FlushControl, SyncControl},
    log::Log,
    options::Options,
    shard::{Router, Store, collection::Collections},
};

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) options: Options,
    pub(crate) log: Arc<Log>,
    pub(crate) buffer: Buffer,
    pub(crate) cache: Cache,
    pub(crate) shards: Vec<Arc<dyn Store>>,
    pub(crate) collections: Collections,
    pub(crate) router: Router,
    pub(crate) counters: Counters,
    pub(crate) observers: Mutex<Vec<(u64, Arc<dyn Observer>)>>,
    pub(crate) flush: FlushControl,
    pub(crate) sync: SyncControl,
    pub(crate) broken: Broken,
}

/// Totals since the database was opened.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) flushed: AtomicU64,
    pub(crate) recovered: AtomicU64,
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) flushes: AtomicU64,
    pub(crate) syncs: AtomicU64,
    /// Documents too large for the log.
    pub(crate) direct: AtomicU64,
}

/// Set once, when the log cannot be trusted any more: from then on writes are refused.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    is: AtomicBool,
    why: Mutex<Option<Error>>,
}

impl Broken {
    /// The reason, once there is one. Cheap while there is none.
    pub(crate) fn why(&self) -> Option<Error> {
        if !self.is.load(Ordering::Acquire) {
            return None;
        }
        self.why.lock().clone()
    }

    /// Keeps the first reason. False: there was one.
    pub(crate) fn set(&self, error: Error) -> bool {
        let mut why = self.why.lock();
        let first = why.is_none();
        if first {
            *why = Some(error);
            self.is.store(true, Ordering::Release);
        }
        first
    }
}

impl Core {
    /// Tells everybody about a failure that no call can report.
    pub(crate) fn report(&self, error: &Error) {
        self.each_observer(|observer| observer.failed(error));
    }

    /// Calls every observer, without the lock: an observer may leave meanwhile.
    pub(crate) fn each_observer(&self, tell: impl Fn(&dyn Observer)) {
        let observers: Vec<_> =
            self.observers.lock().iter().map(|(_, observer)| Arc::clone(observer)).collect();
        observers.iter().for_each(|observer| tell(&**observer));
    }

    /// Refuses writes from now on.
    pub(crate) fn break_down(&self, error: Error) {
        if self.broken.set(error.clone()) {
            self.report(&error);
        }
    }
}
