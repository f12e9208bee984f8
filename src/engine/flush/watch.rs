//! The thread that notices what other programs write to the shard files, so that nothing read before is given for longer
//! than a moment. It is the one that nobody waits for, so it also gives memory back to the system.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::engine::{core::Core, log::Lsn, memory, shard::ShardId};

/// How long what another program has written may go unnoticed.
const TICK: Duration = Duration::from_millis(50);

/// All databases of the process are looked at in the same moments, so that many that nobody uses wake the processor as often
/// as one.
static FIRST_TICK: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What the thread has to look at.
#[derive(Debug)]
pub(crate) struct WatchControl {
    /// Shards that something was read from: there is something that may be out of date.
    read: Vec<AtomicBool>,
    /// Up to where each shard had the log when changes of others to it were noticed last.
    changed_at: Vec<AtomicU64>,
    inbox: Mutex<Inbox>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inbox {
    is_needed: bool,
    /// Much has been written since memory was given back.
    is_churned: bool,
    stop: bool,
}

impl WatchControl {
    pub(crate) fn new(shards: u32) -> Self {
        let read = (0..shards).map(|_| AtomicBool::new(false)).collect();
        let changed_at = (0..shards).map(|_| AtomicU64::new(0)).collect();
        WatchControl { read, changed_at, inbox: Mutex::default(), changed: Condvar::new() }
    }

    /// Notes that others have changed a shard that had the log up to `applied`.
    pub(crate) fn note_change(&self, shard: ShardId, applied: Lsn) {
        self.changed_at[shard as usize].store(applied.0, Ordering::Release);
    }

    /// What was written before that may be overwritten by others, in the shard.
    pub(crate) fn changed_at(&self, shard: ShardId) -> Lsn {
        Lsn(self.changed_at[shard as usize].load(Ordering::Acquire))
    }

    /// To be called before each read from a shard.
    pub(crate) fn note_read(&self, shard: ShardId) {
        let read = &self.read[shard as usize];
        if !read.load(Ordering::Relaxed) && !read.swap(true, Ordering::AcqRel) {
            self.inbox.lock().is_needed = true;
            self.changed.notify_one();
        }
    }

    /// Has free memory given back soon.
    pub(crate) fn note_churn(&self) {
        self.inbox.lock().is_churned = true;
        self.changed.notify_one();
    }

    pub(crate) fn stop(&self) {
        self.inbox.lock().stop = true;
        self.changed.notify_one();
    }
}

/// Runs until it is told to stop. A panic refuses writes from then on, as in the other threads.
pub(crate) fn run(core: &Core) {
    core.persist(work);
}

/// At most a tick from now.
fn next_tick(now: Instant) -> Instant {
    let since = now.duration_since(*FIRST_TICK);
    // The remainder is less than a tick, and so fits.
    let over = Duration::from_nanos((since.as_nanos() % TICK.as_nanos()) as u64);
    now + (TICK - over)
}

/// Sleeps until something was read or much was written.
fn work(core: &Core) {
    let watch = &core.watch;
    loop {
        let mut inbox = watch.inbox.lock();
        while !inbox.stop && !inbox.is_needed && !inbox.is_churned {
            watch.changed.wait(&mut inbox);
        }
        if !inbox.stop && !inbox.is_churned {
            watch.changed.wait_until(&mut inbox, next_tick(Instant::now()));
        }
        if inbox.stop {
            return;
        }
        let is_churned = std::mem::take(&mut inbox.is_churned);
        drop(inbox);
        if is_churned {
            memory::give_back();
        }
        for (shard, read) in (0..).zip(&watch.read) {
            if read.load(Ordering::Acquire) {
                core.look_outside(shard);
            }
        }
    }
}
