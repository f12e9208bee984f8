//! The thread that waits for the disk: timed syncs of the log, group commits, and giving log space back.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use crate::engine::{
    core::Core,
    error::Error,
    log::{Done, Lsn},
};

/// Runs until it is told to stop.
pub(crate) fn run(core: &Core) {
    let interval = Duration::from_millis(core.options.flush_interval_ms);
    let mut synced = core.log.head();
    let mut due = Instant::now();
    loop {
        let (waiters, reclaim, stop) = wait(core, due);
        let head = core.log.head();
        if core.log.is_file() && (head > synced || !waiters.is_empty()) {
            synced = sync(core, waiters).unwrap_or(synced);
        } else {
            waiters.into_iter().for_each(|done| done(Ok(())));
            let mut inbox = core.sync.inbox.lock();
            // Asked again under the lock: a write since then has found the thread active and told nobody.
            inbox.active = core.log.is_file() && core.log.head() > synced;
        }
        due = Instant::now() + interval;
        if let Some(applied) = reclaim {
            give_back(core, applied);
        }
        if stop {
            return;
        }
    }
}

fn wait(core: &Core, due: Instant) -> (Vec<Done>, Option<Lsn>, bool) {
    let mut inbox = core.sync.inbox.lock();
    while !inbox.stop && inbox.waiters.is_empty() && inbox.reclaim.is_none() {
        if !inbox.active {
            core.sync.changed.wait(&mut inbox);
        } else if core.sync.changed.wait_until(&mut inbox, due).timed_out() {
            break;
        }
    }
    (std::mem::take(&mut inbox.waiters), inbox.reclaim.take(), inbox.stop)
}

/// One sync for everybody who waits.
fn sync(core: &Core, waiters: Vec<Done>) -> Option<Lsn> {
    // IMPORTANT: after a failed sync the kernel may call the lost pages clean, so a later success proves nothing.
    let result = match core.broken.why() {
        Some(error) => Err(error),
        None => core.log.sync().map_err(|error| log_failed(core, &error)),
    };
    core.counters.syncs.fetch_add(1, Ordering::Relaxed);
    for done in waiters {
        done(result.as_ref().map(|_| ()).map_err(Error::clone));
    }
    result.ok()
}

/// Makes the shards durable, then frees the log before `applied` and lets waiting writes in.
fn give_back(core: &Core, applied: Lsn) {
    if core.broken.why().is_some() {
        return;
    }
    let before = core.log.tail();
    if let Err(error) = reclaim(core, applied) {
        core.break_down(error);
        return;
    }
    let direct = core.log.drain();
    core.sync.note_activity();
    if direct || (core.log.has_waiting() && core.log.tail() > before) {
        core.flush.want_room();
    }
}

/// The one order that loses nothing: shards, then the header, then the space.
pub(super) fn reclaim(core: &Core, applied: Lsn) -> Result<(), Error> {
    for shard in &core.shards {
        shard.sync()?;
    }
    core.log.reclaim(applied).map_err(|error| log_failed(core, &error))
}

fn log_failed(core: &Core, error: &std::io::Error) -> Error {
    let path = core.log.path().expect("only a file can fail");
    let error = Error::io("sync the log", path, error);
    core.break_down(error.clone());
    error
}
