//! The thread that waits for the disk: timed syncs of the log, group commits, giving log space back, and another file
//! for the log when the disk fails.

use std::{sync::atomic::Ordering, time::Instant};

use super::pause::Pause;
use crate::engine::{
    blocking::{wait, waiting},
    core::Core,
    error::{Code, Error},
    log::{Done, Lsn},
};

/// Runs until it is told to stop. A panic refuses writes from then on, and leaves nobody waiting.
pub(crate) fn run(core: &Core) {
    core.persist(work);
}

fn work(core: &Core) {
    let mut syncer = Syncer {
        core,
        synced: core.log.head(),
        note: Note::default(),
        due: Instant::now(),
        mending: Pause::default(),
        reclaiming: Pause::default(),
    };
    while syncer.turn() {}
    note_what_is_left(core);
}

/// What the thread knows from turn to turn.
struct Syncer<'a> {
    core: &'a Core,
    /// Up to where the log is on the disk.
    synced: Lsn,
    note: Note,
    /// When it is to be synced again.
    due: Instant,
    /// Between attempts to go over to another log file.
    mending: Pause,
    /// Between attempts to give log space back.
    reclaiming: Pause,
}

impl Syncer<'_> {
    /// Waits for work and does it. False: that was the end.
    fn turn(&mut self) -> bool {
        let core = self.core;
        let Work { waiters, reclaim, drain, stop } = next_work(core, self.due, self.note.is_behind);
        if drain {
            bring_in(core);
        }
        self.note.write_if_due(core);
        let is_early = Instant::now() < self.due && waiters.is_empty() && reclaim.is_none() && !stop;
        if is_early && !core.broken.is_the_file() {
            return true;
        }
        match self.has_to_sync(&waiters) {
            true => self.sync(waiters),
            false => self.rest(waiters),
        }
        self.set_due();
        if let Some(applied) = reclaim {
            self.give_back(applied);
        }
        !stop
    }

    fn has_to_sync(&self, waiters: &[Done]) -> bool {
        let core = self.core;
        let owes_note = || self.note.is_behind && core.sync.inbox.lock().note_due.is_none();
        let is_behind = core.log.head() > self.synced || !waiters.is_empty();
        core.log.is_file() && (is_behind || core.broken.is_the_file() || owes_note())
    }

    fn sync(&mut self, waiters: Vec<Done>) {
        let before = self.synced;
        self.synced = sync(self.core, waiters).unwrap_or(before);
        self.note.follow(self.core, self.synced > before);
    }

    /// There is nothing to sync.
    fn rest(&self, waiters: Vec<Done>) {
        let core = self.core;
        waiters.into_iter().for_each(|done| done(Ok(())));
        let mut inbox = core.sync.inbox.lock();
        // Asked again under the lock: a write since then has found the thread active and told nobody. Nor does one while the
        // scheduler is at work.
        let may_be_more = core.log.head() > self.synced || core.flush.is_at_work();
        inbox.active = core.log.is_file() && (may_be_more || core.broken.is_the_file());
    }

    fn set_due(&mut self) {
        let now = Instant::now();
        match self.core.broken.is_the_file() {
            true => self.mending.lengthen(now),
            false => self.mending.end(),
        }
        self.due = self.mending.until().unwrap_or(now + self.core.options.flush_interval());
    }

    /// Gives log space back, unless that has failed a moment ago: the scheduler asks again as long as there is need.
    fn give_back(&mut self, applied: Lsn) {
        let now = Instant::now();
        if !self.reclaiming.is_over(now) {
            return;
        }
        match give_back(self.core, applied) {
            Ok(()) => self.reclaiming.end(),
            Err(error) => {
                self.core.note_retry(&error);
                self.reclaiming.lengthen(now);
            }
        }
    }
}

/// What stays in the log beyond the end: the next opening has to know how far it was on the disk, or it takes damage in it for writes
/// that were never finished.
fn note_what_is_left(core: &Core) {
    let is_left = core.buffer.oldest() < core.log.head();
    if is_left && core.log.is_file() && !core.broken.is_the_file() {
        // Where this fails the log is as it was, and the end is told that it failed.
        let _ = core.log.sync();
    }
}

/// The header's note of how far the log is synced.
///
/// It costs the next sync a page at the other end of the file, so it is not written after each group commit.
#[derive(Default)]
struct Note {
    /// Whether something was synced that the note on the disk does not tell.
    is_behind: bool,
}

impl Note {
    /// After a sync; `has_more`: of something that was not on the disk before.
    fn follow(&mut self, core: &Core, has_more: bool) {
        if core.broken.is_the_file() {
            // There is nothing to note until the log has another one, whose header is as new as its content.
            core.sync.inbox.lock().note_due = None;
            return *self = Note::default();
        }
        self.is_behind = has_more || !core.log.is_noted();
        if !core.log.is_noted() {
            core.sync.owe_note();
        }
    }

    fn write_if_due(&mut self, core: &Core) {
        {
            let due = &mut core.sync.inbox.lock().note_due;
            if due.is_none_or(|at| Instant::now() < at) {
                return;
            }
            // IMPORTANT: before it is written, so that what is synced meanwhile is noted next time.
            *due = None;
        }
        if core.broken.is_the_file() {
            return;
        }
        self.is_behind = true;
        if let Err(error) = core.log.note_synced() {
            log_failed(core, &error);
        }
    }
}

/// What there is to do.
struct Work {
    waiters: Vec<Done>,
    reclaim: Option<Lsn>,
    drain: bool,
    stop: bool,
}

/// Waits for something to do, until `due` if there will be something by then, or until a note is due.
fn next_work(core: &Core, due: Instant, is_behind: bool) -> Work {
    let mut inbox = core.sync.inbox.lock();
    while !inbox.stop && !inbox.mend && !inbox.drain && inbox.waiters.is_empty() && inbox.reclaim.is_none() {
        let due = (inbox.active || is_behind).then_some(due);
        match due.into_iter().chain(inbox.note_due).min() {
            None => core.sync.changed.wait(&mut inbox),
            Some(due) if core.sync.changed.wait_until(&mut inbox, due).timed_out() => break,
            Some(_) => {}
        }
    }
    inbox.mend = false;
    inbox.served = inbox.waiters.len();
    Work {
        waiters: std::mem::take(&mut inbox.waiters),
        reclaim: inbox.reclaim.take(),
        drain: std::mem::take(&mut inbox.drain),
        stop: inbox.stop,
    }
}

/// Brings to the log's slow file what waits for that, as much as at once; then there are others to serve.
fn bring_in(core: &Core) {
    if let Some(error) = core.broken.why() {
        return core.log.fail_waiting(&error);
    }
    core.drain();
    // The scheduler counts what is in the log.
    core.flush.wake();
    if core.log.lacks_room() {
        core.flush.want_room();
    }
}

/// One sync for everybody who waits. Also of a log that is broken for another reason than its file: what was acknowledged before has to get
/// to the disk.
fn sync(core: &Core, waiters: Vec<Done>) -> Option<Lsn> {
    let turn = core.sync.turn.lock();
    if !core.broken.is_the_file() {
        sync_log(core, !waiters.is_empty());
    }
    drop(turn);
    // IMPORTANT: after a failed sync the kernel may call the lost pages clean, so a later success proves nothing: the
    // log is on the disk once it has another file.
    if core.broken.is_the_file() {
        replace(core);
    }
    let result = core.broken.why().map_or(Ok(()), Err);
    for done in waiters {
        done(result.clone());
    }
    (!core.broken.is_the_file()).then(|| core.log.synced())
}

/// Brings the log up to `to` to the disk on the thread of a caller who would only wait: it need not be woken, nor wake the sync thread.
/// False: wait for the sync thread. There are others who wait, and all share a sync; or the log has no file that can be trusted.
pub(crate) fn sync_here(core: &Core, to: Lsn) -> bool {
    let Some(_turn) = core.sync.turn.try_lock() else { return false };
    if !core.log.is_file() || core.broken.why().is_some() || core.sync.is_shared() {
        return false;
    }
    let is_synced = core.log.synced() >= to || sync_log(core, true);
    if is_synced {
        core.sync.owe_note();
    }
    is_synced
}

fn sync_log(core: &Core, is_awaited: bool) -> bool {
    let start = Instant::now();
    let synced = core.log.sync_without_note(is_awaited);
    core.counters.syncs.fetch_add(1, Ordering::Relaxed);
    match synced {
        Ok(_) => {
            let time = start.elapsed();
            core.figures.sync_times.note(time);
            core.each_observer(|observer| observer.synced(time));
            true
        }
        Err(error) => {
            log_failed(core, &error);
            false
        }
    }
}

/// Goes over to another file, if that is possible now. Not where the shards are gone as well: their folder was moved, and another one may have
/// its name, where nobody who opens them looks for what the log would take from then on. Nor where that one has shards: a copy of the database has
/// a log of its own, which holds what its shards lack.
fn replace(core: &Core) {
    let replaced = core.shards[0].check_named().and_then(|()| core.log.replace());
    match replaced {
        Ok(()) => core.log_mended(),
        // What is in memory is not whole either.
        Err(error) if error.code() == Code::Corrupt => core.break_down(error),
        // The failure that led here was told.
        Err(error) => core.note_retry(&error),
    }
}

/// Makes the shards durable, then frees the log before `applied` and lets waiting writes in.
fn give_back(core: &Core, applied: Lsn) -> Result<(), Error> {
    if core.broken.why().is_some() {
        return Ok(());
    }
    let before = core.log.tail();
    let was_suspect = core.shards.iter().any(|shard| shard.is_suspect());
    if let Err(error) = reclaim(core, applied) {
        // The scheduler looks after a shard that failed and tells of that; the log's file is looked after here.
        if !was_suspect && !core.broken.is_the_file() {
            core.report(&error);
        }
        core.flush.want_room();
        return Err(error);
    }
    let is_large_first = core.drain();
    // What got in has a time at which it is due.
    core.flush.wake();
    if is_large_first || (core.log.lacks_room() && core.log.tail() > before) {
        core.flush.want_room();
    }
    Ok(())
}

/// The one order that loses nothing: shards, then the header, then the space.
pub(super) fn reclaim(core: &Core, applied: Lsn) -> Result<(), Error> {
    for shard in &core.shards {
        shard.sync()?;
    }
    core.log.reclaim(applied).map_err(|error| log_failed(core, &error))
}

/// Has the sync thread go over to another file if the log's was removed, replaced or cut, as a sync does: where nothing is in the log,
/// there is none.
pub(super) fn restore_file(core: &Core) -> Result<(), Error> {
    if !core.log.has_lost_its_file() {
        return Ok(());
    }
    let (done, restored) = waiting();
    core.sync.wait(done);
    wait(&restored)
}

fn log_failed(core: &Core, error: &std::io::Error) -> Error {
    let error = core.log.failed_to("sync the log", error);
    core.log_failed(&error);
    error
}
