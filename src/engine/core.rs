//! What all threads of an open database share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use parking_lot::Mutex;

use super::{
    Observer,
    broken::Broken,
    buffer::Buffer,
    cache::Cache,
    change::Change,
    error::Error,
    figures::Figures,
    flush::{FlushControl, SyncControl, WatchControl},
    log::{Log, Lsn, WaitsFor},
    openers::Openers,
    options::Options,
    panic::{call_back, caught},
    readers::{Pace, Readers},
    shard::{REGISTRAR, Router, ShardId, Store, collection::Collections},
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
    pub(crate) figures: Figures,
    pub(crate) openers: Mutex<Openers>,
    pub(crate) flush: FlushControl,
    pub(crate) sync: SyncControl,
    pub(crate) watch: WatchControl,
    /// How fast each shard can be read.
    pub(crate) paces: Vec<Pace>,
    pub(crate) readers: Readers,
    /// Whether the first shard was asked which collections others have made. From then on its file is watched.
    pub(crate) knows_collections: AtomicBool,
    pub(crate) broken: Broken,
}

/// Totals since the database was opened.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) flushed: AtomicU64,
    pub(crate) recovered: AtomicU64,
    /// Bytes of the log that were damaged when it was opened.
    pub(crate) damaged: AtomicU64,
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) flushes: AtomicU64,
    pub(crate) syncs: AtomicU64,
    /// Operations of records too large for the ring.
    pub(crate) large: AtomicU64,
}

impl Core {
    /// Calls `work` until it returns. A panic of it refuses writes from then on, and it is called again.
    pub(crate) fn persist(&self, work: impl Fn(&Core)) {
        let work = || {
            work(self);
            Ok(())
        };
        while let Err(error) = caught(work) {
            self.break_down(error);
        }
    }

    /// Tells everybody about a failure that no call can report.
    pub(crate) fn report(&self, error: &Error) {
        self.figures.note_failure(error);
        self.each_observer(|observer| observer.failed(error));
    }

    /// Tells everybody that what failed is tried again.
    pub(crate) fn note_retry(&self, error: &Error) {
        self.figures.retries.fetch_add(1, Ordering::Relaxed);
        self.each_observer(|observer| observer.retrying(error));
    }

    /// Calls every observer, without the lock: an observer may leave meanwhile.
    pub(crate) fn each_observer(&self, tell: impl Fn(&dyn Observer)) {
        let observers: Vec<_> = self.openers.lock().observers().cloned().collect();
        observers.iter().for_each(|observer| call_back(|| tell(&**observer)));
    }

    /// What was read before follows what a flush has committed to a shard.
    pub(crate) fn follow(&self, shard: ShardId, changes: &[Change<'_>], end: Lsn) {
        self.look_outside(shard);
        self.cache.follow(changes, end);
    }

    /// Gives up what was read of a shard before, if somebody else has written to its file since.
    pub(crate) fn look_outside(&self, shard: ShardId) {
        // IMPORTANT: one after the other. A change is found once, and who looks behind the one who found it goes on to show it.
        let _turn = self.watch.turn(shard);
        if self.shards[shard as usize].has_outside_changes() {
            self.forget(shard);
        }
    }

    /// Gives up what was read of a shard before.
    pub(crate) fn forget(&self, shard: ShardId) {
        // The first shard has on record which collections there are. What fails here is tried by the next read of one that is unknown.
        if shard == REGISTRAR && self.collections.refresh().is_err() {
            self.knows_collections.store(false, Ordering::Release);
        }
        // What fails here is tried again when the shard changes again.
        let _ = self.collections.discover(&*self.shards[shard as usize]);
        self.cache.invalidate(shard);
        // IMPORTANT: behind the cache, or a version out of it would be kept here.
        self.buffer.forget_versions();
        self.watch.note_change(shard, self.shards[shard as usize].applied());
        self.each_observer(|observer| observer.changed_outside());
    }

    /// A write waits: has what it waits for done.
    pub(crate) fn note_waiting(&self) {
        match self.log.waits_for() {
            WaitsFor::Room => self.flush.want_room(),
            WaitsFor::Thread => self.sync.drain(),
            WaitsFor::Nothing => {}
        }
    }

    /// Whether the log is so full that a flush needs all processors.
    pub(crate) fn is_short_of_room(&self) -> bool {
        self.log.lacks_room() || self.log.used() > self.log.capacity() / 4 * 3
    }

    /// Gets waiting writes into the log, and has the sync thread go on with it if more could get in. True: a record too large
    /// for the ring is first in line.
    pub(crate) fn drain(&self) -> bool {
        if let Some(error) = self.broken.why() {
            // What waited behind a large record, and behind a read that waits for that.
            self.log.fail_waiting(&error);
            return false;
        }
        let drained = self.log.drain();
        match &drained {
            Err(error) => self.log_failed(error),
            Ok(_) => self.sync.note_activity(),
        }
        if self.log.waits_for() == WaitsFor::Thread {
            self.sync.drain();
        }
        drained.unwrap_or(false)
    }

    /// The log has another file.
    pub(crate) fn log_mended(&self) {
        self.broken.mend(&self.log);
        self.sync.drain();
    }

    /// Refuses writes from now on.
    pub(crate) fn break_down(&self, error: Error) {
        if self.broken.set(error.clone(), false, &self.log) {
            self.report(&error);
        }
        // It fails what waits.
        self.sync.drain();
    }

    /// Refuses writes until the log has another file, which the sync thread sees to.
    pub(crate) fn log_failed(&self, error: &Error) {
        if self.broken.set(error.clone(), true, &self.log) {
            self.report(error);
            self.sync.mend();
        }
        // It fails what waits, unless there is another file by then.
        self.sync.drain();
    }
}
