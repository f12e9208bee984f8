//! The thread that notices what other programs write to the shard files, so that nothing read before is given for longer
//! than a moment. It is the one that nobody waits for, so it also gives memory back to the system.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::engine::{core::Core, log::Lsn, memory, shard::ShardId};

/// How long what another program has written may go unnoticed.
const TICK: Duration = Duration::from_millis(50);

/// All databases of the process are looked at in the same moments, so that many that nobody uses wake the processor as often
/// as one.
static FIRST_TICK: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What the thread has to look at.
#[derive(Debug)]
pub(crate) struct WatchControl {
    /// Held by who looks at a shard, until what was read of it before is given up.
    turns: Vec<Mutex<()>>,
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
        let turns = (0..shards).map(|_| Mutex::default()).collect();
        WatchControl { turns, read, changed_at, inbox: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits for those who look at a shard.
    pub(crate) fn turn(&self, shard: ShardId) -> MutexGuard<'_, ()> {
        self.turns[shard as usize].lock()
    }

    /// Notes that others have changed a shard that had the log up to `applied`. Several threads notice, and the last one need not have the latest
    /// place.
    pub(crate) fn note_change(&self, shard: ShardId, applied: Lsn) {
        self.changed_at[shard as usize].fetch_max(applied.0, Ordering::AcqRel);
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

/// At most a tick from `now`, which is not before the first one.
fn next_tick(first: Instant, now: Instant) -> Instant {
    let over = now.duration_since(first).as_nanos() % TICK.as_nanos();
    // The remainder is less than a tick, and so fits.
    now + (TICK - Duration::from_nanos(over as u64))
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
            watch.changed.wait_until(&mut inbox, next_tick(*FIRST_TICK, Instant::now()));
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

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn the_latest_place_of_a_change_counts_whoever_notes_it_last() {
        let watch = WatchControl::new(2);
        [Lsn(10), Lsn(30), Lsn(20)].into_iter().for_each(|applied| watch.note_change(1, applied));
        assert_eq!((watch.changed_at(0), watch.changed_at(1)), (Lsn(0), Lsn(30)));
    }

    #[test]
    fn whoever_asks_gets_the_same_ticks() {
        let first = Instant::now();
        for (since, next) in [(0, 1), (1, 1), (49, 1), (50, 2), (51, 2), (1049, 21)] {
            assert_eq!(
                next_tick(first, first + Duration::from_millis(since)),
                first + TICK * next,
                "{since}"
            );
        }
    }
}
