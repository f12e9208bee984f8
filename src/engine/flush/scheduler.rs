//! The thread that decides when to flush and sees each flush through.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    Pool, Request,
    bring::bring,
    lane::{Lane, PATIENCE},
    large::Large,
};
use crate::engine::{
    core::Core,
    error::{Code, Error, Result},
    log::Lsn,
    memory::Churn,
    panic::panicked,
};

/// How often waiting writes are looked after while nothing else happens.
const WAITING_TICK: Duration = Duration::from_millis(50);

pub(super) struct Scheduler {
    pub(super) core: Arc<Core>,
    pool: Pool,
    pub(super) lanes: Vec<Lane>,
    /// The record too large for the ring that is on its way.
    pub(super) large: Option<Large>,
    /// Requests that wait for a shard which another program holds.
    held: Vec<Request>,
    /// Operations in the log when the newest generation ended, and that place.
    pub(super) frozen_ops: u64,
    pub(super) frozen: Lsn,
    /// Start of a generation that could not be read back from the log. Nothing from there on is given up, and nothing behind it goes to the
    /// shards: they would say that they have what they lack, and the next opening passed over what is whole.
    pub(super) stuck: Option<Lsn>,
    /// When the newest generation ended.
    pub(super) frozen_at: Instant,
    /// When the current generation is to be flushed at the latest, if it is known to have writes.
    due: Option<Instant>,
    pub(super) churn: Churn,
}

/// Runs until it is told to stop.
pub(crate) fn run(core: Arc<Core>, pool: Pool) {
    let lanes = core.shards.iter().map(|_| Lane::default()).collect();
    let (frozen_ops, frozen) = (0, core.buffer.oldest());
    let mut scheduler = Scheduler {
        core,
        pool,
        lanes,
        large: None,
        held: Vec::new(),
        frozen_ops,
        frozen,
        stuck: None,
        frozen_at: Instant::now(),
        due: None,
        churn: Churn::new(frozen),
    };
    loop {
        let (requests, stop) = scheduler.wait();
        scheduler.core.flush.note_work(true);
        let round = AssertUnwindSafe(|| scheduler.round(requests));
        if let Err(panic) = catch_unwind(round) {
            scheduler.core.break_down(panicked(&*panic));
            // Or what has broken down is tried again at once, for ever.
            scheduler.due = None;
        }
        scheduler.core.flush.note_work(false);
        if stop {
            return scheduler.give_up();
        }
    }
}

impl Scheduler {
    /// Sleeps until there is a reason for a flush.
    fn wait(&mut self) -> (Vec<Request>, bool) {
        let core = Arc::clone(&self.core);
        let mut inbox = core.flush.inbox.lock();
        loop {
            if inbox.stop || inbox.room_wanted || !inbox.requests.is_empty() {
                inbox.room_wanted = false;
                return (std::mem::take(&mut inbox.requests), inbox.stop);
            }
            let now = Instant::now();
            let mut deadline = self.lanes.iter().filter_map(Lane::retry_at).min();
            let mut by = |at: Instant| deadline = Some(deadline.map_or(at, |earlier| earlier.min(at)));
            if core.log.lacks_room() {
                by(now + WAITING_TICK);
            }
            if self.stuck.is_none() && core.log.wake_at(self.frozen_ops + 1) {
                by(*self.due.get_or_insert_with(|| {
                    core.sync.note_activity();
                    now + core.options.flush_interval()
                }));
                if core.log.wake_at(self.frozen_ops.saturating_add(core.options.buffer_size)) {
                    return (Vec::new(), false);
                }
            }
            let timed_out = match deadline {
                Some(deadline) => core.flush.changed.wait_until(&mut inbox, deadline).timed_out(),
                None => {
                    core.flush.changed.wait(&mut inbox);
                    false
                }
            };
            if timed_out && !inbox.stop && inbox.requests.is_empty() {
                return (Vec::new(), false);
            }
        }
    }

    fn round(&mut self, requests: Vec<Request>) {
        let (core, start) = (Arc::clone(&self.core), Instant::now());
        self.give_up_on_late_writes();
        core.flush.begin(!requests.is_empty() || !self.held.is_empty() || core.is_short_of_room());
        self.store_large();
        self.flush(!requests.is_empty());
        let held = std::mem::take(&mut self.held);
        self.answer(held.into_iter().chain(requests).collect());
        let applied = self.applied();
        let crowded = core.log.lacks_room() || core.log.used() > core.log.capacity() / 2;
        // IMPORTANT: a large record that lies beside the log is dropped by an opening that finds the log gone on.
        if crowded && self.large.is_none() && applied > core.log.tail() {
            core.sync.reclaim(applied);
        }
        if self.churn.is_much(core.log.head()) {
            core.watch.note_churn();
        }
        self.due = self.due_of_waiting(start);
    }

    /// Ends the generation and applies it, and what earlier ones left. `forced`: also where a shard is pausing.
    pub(super) fn flush(&mut self, forced: bool) {
        let start = Instant::now();
        if let Err(error) = self.freeze() {
            self.core.break_down(error);
        }
        // The sync thread may have found out.
        for (lane, store) in self.lanes.iter_mut().zip(&self.core.shards) {
            lane.is_suspect |= store.is_suspect();
        }
        let due: Vec<usize> =
            (0..self.lanes.len()).filter(|i| self.lanes[*i].is_due(start, forced)).collect();
        if due.is_empty() {
            self.core.buffer.retire(self.applied());
            return;
        }
        let core = Arc::clone(&self.core);
        let jobs = due.iter().map(|i| (*i, (*i, self.lanes[*i].parts.iter().cloned().collect::<Vec<_>>())));
        let frozen = self.frozen;
        let results = self.pool.map(jobs, move |(shard, parts)| bring(&core, shard, &parts, frozen));
        let mut count = 0;
        for (shard, result) in results {
            let (applied, error) = result.unwrap_or_else(|error| (0, Some(error.in_shard(shard as u32))));
            let lane = &mut self.lanes[shard];
            let flushed = lane.parts.iter().take(applied).map(|part| part.entries.len() as u64).sum::<u64>();
            count += flushed;
            self.core.figures.shard(shard).note_flushed(flushed);
            let now = Instant::now();
            lane.note_applied(self.core.shards[shard].applied());
            if let Some(error) = error.as_ref().filter(|error| lane.is_worth_telling(error, now)) {
                self.core.report(error);
            }
            lane.settle(applied, error, self.core.shards[shard].is_suspect(), now);
            self.note_lane(shard, now);
        }
        self.core.buffer.retire(self.applied());
        if let Err(error) = self.core.buffer.compact() {
            self.core.break_down(error);
        }
        if count > 0 {
            self.core.counters.flushed.fetch_add(count, Ordering::Relaxed);
            self.core.counters.flushes.fetch_add(1, Ordering::Relaxed);
            let time = start.elapsed();
            self.core.figures.flush_times.note(time);
            self.core.each_observer(|observer| observer.flushed(count, time));
        }
    }

    /// Notes for those who ask how a shard stands after it was tried.
    fn note_lane(&self, shard: usize, now: Instant) {
        let (lane, figures) = (&self.lanes[shard], self.core.figures.shard(shard));
        let (writes, oldest_ms) = lane.waiting();
        figures.note_waiting(writes, oldest_ms);
        figures.note_failure(lane.failure(now));
        if let Some(error) = &lane.error {
            figures.note_retry();
            self.core.note_retry(error);
        }
    }

    /// Ends the current generation and hands each shard its part.
    fn freeze(&mut self) -> Result<()> {
        (self.due, self.frozen_at) = (None, Instant::now());
        if self.stuck.is_some() {
            return Ok(());
        }
        let Some(frozen) = self.core.buffer.freeze() else { return Ok(()) };
        let about = frozen.ops - self.frozen_ops;
        (self.frozen_ops, self.frozen) = (frozen.ops, frozen.end);
        // The workers wait for it before they give the shards anything; a lot is done until then.
        self.core.sync.wait(Box::new(|_| ()));
        // A flush may take long; what is written meanwhile has to be synced in time all the same.
        if self.core.log.wake_at(self.frozen_ops + 1) {
            self.core.sync.note_activity();
        }
        let nothing = vec![Lsn(0); self.lanes.len()];
        // Until it is handed over; a panic may keep it from that as well.
        self.stuck = Some(frozen.start);
        let parts = self.core.division().divide(&frozen, &nothing, about)?;
        self.stuck = None;
        for ((shard, lane), part) in self.lanes.iter_mut().enumerate().zip(parts) {
            if !part.entries.is_empty() {
                lane.parts.push_back(Arc::new(part));
                let (writes, oldest_ms) = lane.waiting();
                self.core.figures.shard(shard).note_waiting(writes, oldest_ms);
            }
        }
        Ok(())
    }

    /// Up to where all shards have the log.
    pub(super) fn applied(&self) -> Lsn {
        self.lanes.iter().filter_map(Lane::lacks_from).chain(self.stuck).min().unwrap_or(self.frozen)
    }

    fn answer(&mut self, requests: Vec<Request>) {
        let applied = self.applied();
        let (flushed, failed): (Vec<_>, Vec<_>) =
            requests.into_iter().partition(|request| request.target <= applied);
        let now = Instant::now();
        let is_held = self.lanes.iter().any(|lane| lane.is_held(now));
        for request in failed {
            let error = self.failure().cloned();
            let is_busy = error.as_ref().is_some_and(|error| error.code() == Code::Busy);
            if is_busy && (!is_held || request.since.elapsed() < PATIENCE) {
                self.held.push(request);
                continue;
            }
            let unknown = || Error::new(Code::Internal, "A flush ended early without a reason.");
            (request.done)(Err(error.or_else(|| self.core.broken.why()).unwrap_or_else(unknown)));
        }
        self.make_durable(flushed);
    }

    /// What keeps a flush from ending. A shard that another program holds for a moment tells less than any other failure.
    fn failure(&self) -> Option<&Error> {
        let failures = self.lanes.iter().filter_map(|lane| lane.error.as_ref());
        failures.min_by_key(|error| error.code() == Code::Busy)
    }

    /// Whoever waits for a flush is told that there will be none.
    fn give_up(&mut self) {
        for request in std::mem::take(&mut self.held) {
            (request.done)(Err(self.failure().cloned().unwrap_or_else(Error::closed)));
        }
    }

    /// What was flushed survives a power cut because the log does, or else because the shards do.
    fn make_durable(&self, flushed: Vec<Request>) {
        let core = &*self.core;
        if core.log.is_file() && core.broken.why().is_none() {
            let (synced, others): (Vec<_>, Vec<_>) =
                flushed.into_iter().partition(|request| request.target <= core.log.synced());
            synced.into_iter().for_each(|request| (request.done)(Ok(())));
            others.into_iter().for_each(|request| core.sync.wait(request.done));
        } else if !flushed.is_empty() {
            let synced = core.shards.iter().try_for_each(|shard| shard.sync());
            flushed.into_iter().for_each(|request| (request.done)(synced.clone()));
        }
    }

    fn give_up_on_late_writes(&self) {
        let core = &self.core;
        if let Some(error) = core.broken.why() {
            // There will be no more room.
            core.log.fail_waiting(&error);
            return;
        }
        let timeout = Duration::from_millis(core.options.write_timeout_ms);
        let Some(since) = Instant::now().checked_sub(timeout) else {
            return;
        };
        // A slow disk is no reason to give up.
        if core.flush.has_got_on(timeout) {
            return;
        }
        core.log.expire(since, || {
            let text = format!(
                "The log had no room for {} ms because its writes could not be flushed; see the 'error' event for the \
                 reason, or raise walSize.",
                core.options.write_timeout_ms
            );
            let error = Error::new(Code::BufferFull, text);
            match self.failure() {
                Some(cause) => error.because(cause.to_string()),
                None => error,
            }
        });
    }
}
