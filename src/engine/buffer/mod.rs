//! What the log holds and the shards do not yet: an index over the log's records, by generation.
//!
//! A write touches none of this. The index is behind the log and a read brings it up to date, so a program that
//! only writes never pays for it. A generation ends when a flush begins and is dropped when all shards have it.

mod generation;
mod history;
#[cfg(test)]
mod test;

use std::{
    collections::VecDeque,
    hash::BuildHasher,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use foldhash::fast::RandomState;

use self::{
    generation::Generation,
    history::{History, Seen},
};
use super::{
    error::Result,
    log::{Claim, Log, Lsn},
    sync::{AtomicU64, Mutex, MutexGuard},
};

/// More ended generations than this (a shard is failing) are merged, so that reads stay fast.
const MOST_FROZEN: usize = 4;

/// Bytes of the log that are indexed while others wait: a millisecond or so, unless one record is larger.
const PART: u64 = 128 << 10;

/// So long a thread that must not wait does so all the same: others mostly need the lock for some microseconds.
const PATIENCE: Duration = Duration::from_millis(1);

/// The index over the log.
#[derive(Debug)]
pub struct Buffer {
    log: Arc<Log>,
    hasher: RandomState,
    state: Mutex<State>,
    /// The log's head while it was known that all before it is in the shards, or [`NEVER`].
    empty_at: AtomicU64,
    /// See [`PART`].
    part: u64,
    /// Threads that index much.
    at_work: AtomicU64,
}

/// No log gets there.
const NEVER: u64 = u64::MAX;

#[derive(Debug)]
struct State {
    current: Generation,
    /// Ended, oldest first.
    frozen: VecDeque<Generation>,
}

impl State {
    fn oldest(&self) -> &Generation {
        self.frozen.front().unwrap_or(&self.current)
    }

    /// Bytes of the log that are not indexed yet.
    fn backlog(&mut self, head: Lsn) -> u64 {
        self.newest_first().map(|generation| generation.backlog(head)).sum()
    }

    fn newest_first(&mut self) -> impl Iterator<Item = &mut Generation> {
        std::iter::once(&mut self.current).chain(self.frozen.iter_mut().rev())
    }
}

/// A generation that was just ended: what a flush has to bring to the shards.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// Keeps the records in place.
    pub claim: Arc<Claim>,
    /// Its first record.
    pub start: Lsn,
    /// First byte behind its last record.
    pub end: Lsn,
    /// Operations in the log up to there.
    pub ops: u64,
}

/// What the buffer knows about a document.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Nothing: the shard has its newest state.
    Absent,
    /// It is deleted.
    Deleted,
    /// Its newest text was copied out, and its version is known.
    Known(u64, Newest),
    /// Its newest text was copied out. Its version is the shard's plus the writes that the shard does not have; ask
    /// the shard, then [`Buffer::settle`].
    Unsettled(Pending),
    /// More has to be indexed than a thread has time for that must not wait.
    Behind,
}

/// The newest write of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    at: u64,
    /// Whether it belongs to a generation that a flush has begun with.
    is_frozen: bool,
}

impl Newest {
    /// Whether its shard, asked for its position if need be, may lack it.
    pub fn is_buffered(self, applied: impl FnOnce() -> Lsn) -> bool {
        !self.is_frozen || applied().0 <= self.at
    }
}

/// The state of the buffer at a lookup that could not tell the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The newest write.
    pub newest: Newest,
    oldest: Lsn,
}

impl Buffer {
    /// An empty buffer at the log's head.
    pub fn new(log: &Arc<Log>) -> Self {
        let state = State { current: Generation::new(log, log.head()), frozen: VecDeque::new() };
        let empty_at = AtomicU64::new(log.head().0);
        let (hasher, state) = (RandomState::default(), Mutex::new(state));
        Buffer { log: Arc::clone(log), hasher, state, empty_at, part: PART, at_work: AtomicU64::new(0) }
    }

    /// Whether all that is in the log is in the shards.
    fn is_empty(&self) -> bool {
        // IMPORTANT: in this order. Where nothing was appended since the place was noted, nothing was frozen since either.
        let empty_at = self.empty_at.load(Ordering::Acquire);
        self.log.head().0 == empty_at
    }

    fn hash(&self, number: u32, id: &str) -> u64 {
        self.hasher.hash_one((number, id))
    }

    /// Looks a document up, appending its text to `value`; sees every write that returned before the call.
    ///
    /// # Errors
    /// [`super::error::Code::Corrupt`] if the log was changed from outside.
    pub fn read(&self, number: u32, id: &str, value: &mut Vec<u8>) -> Result<Lookup> {
        if self.is_empty() {
            return Ok(Lookup::Absent);
        }
        let (mut state, length) = (self.state.lock(), value.len());
        let head = self.log.head();
        loop {
            match self.look_up(&mut state, head, (number, id), value)? {
                Lookup::Behind => value.truncate(length),
                found => return Ok(found),
            }
            self.catch_up_in_parts(&mut state, head)?;
        }
    }

    /// As [`Buffer::read`], for threads that must not wait: it may be [`Lookup::Behind`].
    pub fn try_read(&self, number: u32, id: &str, value: &mut Vec<u8>) -> Result<Lookup> {
        if self.is_empty() {
            return Ok(Lookup::Absent);
        }
        let Some(mut state) = self.try_lock() else { return Ok(Lookup::Behind) };
        self.look_up(&mut state, self.log.head(), (number, id), value)
    }

    /// The state, for threads that must not wait. Where another thread is at work on much, none of their calls waits.
    fn try_lock(&self) -> Option<MutexGuard<'_, State>> {
        let is_busy = self.at_work.load(Ordering::Relaxed) > 0;
        self.state.try_lock_for(if is_busy { Duration::ZERO } else { PATIENCE })
    }

    /// Indexes all that was written before the call.
    ///
    /// # Errors
    /// [`super::error::Code::Corrupt`] if the log was changed from outside.
    pub fn catch_up(&self) -> Result<()> {
        let mut state = self.state.lock();
        self.catch_up_in_parts(&mut state, self.log.head())
    }

    /// In parts of a millisecond, between which others have the lock: first those of the newest generation that lacks something.
    fn catch_up_in_parts(&self, state: &mut MutexGuard<'_, State>, head: Lsn) -> Result<()> {
        self.at_work.fetch_add(1, Ordering::Relaxed);
        let caught_up = loop {
            let mut lacking = state.newest_first().filter(|generation| generation.backlog(head) > 0);
            let Some(generation) = lacking.next() else { break Ok(()) };
            let part = generation.catch_up_by(self.part, head, |number, id| self.hash(number, id));
            drop(lacking);
            if part.is_err() {
                break part;
            }
            MutexGuard::bump(state);
        };
        self.at_work.fetch_sub(1, Ordering::Relaxed);
        caught_up
    }

    fn look_up(
        &self,
        state: &mut State,
        head: Lsn,
        (number, id): (u32, &str),
        value: &mut Vec<u8>,
    ) -> Result<Lookup> {
        let hash = self.hash(number, id);
        let oldest = state.oldest().start();
        let mut total = 0;
        let mut newest = None;
        let mut backlog = 0;
        for generation in state.newest_first() {
            backlog += generation.backlog(head);
            if backlog > self.part {
                return Ok(Lookup::Behind);
            }
            generation.catch_up(head, |number, id| self.hash(number, id))?;
            let Some(&slot) = generation.find(hash, number, id)? else {
                continue;
            };
            match (newest, slot.history.seen()) {
                (None, Seen::Deleted) => return Ok(Lookup::Deleted),
                // What came after the delete is the whole history.
                (Some(newest), Seen::Deleted) => return Ok(Lookup::Known(total, newest)),
                _ => {}
            }
            let newest = *match &mut newest {
                Some(newest) => newest,
                none => {
                    value.extend_from_slice(generation.claim.op(slot.at)?.value);
                    none.insert(Newest { at: slot.at, is_frozen: generation.end().is_some() })
                }
            };
            total += slot.history.writes();
            if slot.history.seen() == Seen::Whole {
                return Ok(Lookup::Known(total, newest));
            }
        }
        Ok(match newest {
            None => Lookup::Absent,
            Some(newest) => Lookup::Unsettled(Pending { newest, oldest }),
        })
    }

    /// The version of a document that [`Buffer::read`] could not tell, given that the shard has version `stored` of it
    /// as of `as_of`. `None`: the document was written or a generation was dropped since, so look it up again.
    pub fn settle(&self, of: (u32, &str), pending: Pending, stored: (u64, Lsn)) -> Result<Option<u64>> {
        let mut state = self.state.lock();
        let head = self.log.head();
        self.catch_up_in_parts(&mut state, head)?;
        self.settle_in(&mut state, head, of, pending, stored)
    }

    /// As [`Buffer::settle`], for threads that must not wait: `None` too where much was written since, or others have the lock.
    pub fn try_settle(&self, of: (u32, &str), pending: Pending, stored: (u64, Lsn)) -> Result<Option<u64>> {
        let Some(mut state) = self.try_lock() else { return Ok(None) };
        let head = self.log.head();
        if state.backlog(head) > self.part {
            return Ok(None);
        }
        self.settle_in(&mut state, head, of, pending, stored)
    }

    fn settle_in(
        &self,
        state: &mut State,
        head: Lsn,
        (number, id): (u32, &str),
        pending: Pending,
        (stored, as_of): (u64, Lsn),
    ) -> Result<Option<u64>> {
        let hash = self.hash(number, id);
        if state.oldest().start() != pending.oldest {
            return Ok(None);
        }
        let mut version = stored;
        let mut newest = None;
        for (index, generation) in state.newest_first().enumerate() {
            generation.catch_up(head, |number, id| self.hash(number, id))?;
            let Some(&slot) = generation.find(hash, number, id)? else { continue };
            newest.get_or_insert((index, slot.at));
            let writes = slot.history.writes();
            // Not read from the log, or each such lookup during a flush would go through what is left of the generation.
            version += match slot.history.seen() {
                Seen::Part if as_of <= generation.start() => writes,
                Seen::Part if slot.at < as_of.0 => 0,
                Seen::Part if writes == 1 => 1,
                Seen::Part => generation.count(number, id, as_of, generation.end().unwrap_or(head))?,
                // Another thread has settled it meanwhile.
                Seen::Deleted | Seen::Whole => return Ok(None),
            };
        }
        let Some((index, at)) = newest else { return Ok(None) };
        // Also where it was written since: the version is known all the same, so the next lookup ends.
        if let Some(generation) = state.newest_first().nth(index) {
            generation.learn(hash, number, id, History::of_version(version))?;
        }
        Ok((at == pending.newest.at).then_some(version))
    }

    /// Ends the current generation. `None` if it is empty.
    pub fn freeze(&self) -> Option<Frozen> {
        // IMPORTANT: asked for under the lock, so that no record behind it is in the index already.
        let state = &mut *self.state.lock();
        let (ops, head) = self.log.position();
        if head == state.current.start() {
            return None;
        }
        let mut ended = std::mem::replace(&mut state.current, Generation::new(&self.log, head));
        ended.freeze(head);
        let frozen = Frozen { claim: Arc::clone(&ended.claim), start: ended.start(), end: head, ops };
        state.frozen.push_back(ended);
        Some(frozen)
    }

    /// Drops what all shards have.
    pub fn retire(&self, applied: Lsn) {
        let mut dropped = Vec::new();
        let mut state = self.state.lock();
        while state.frozen.front().is_some_and(|oldest| oldest.end().is_some_and(|end| end <= applied)) {
            dropped.extend(state.frozen.pop_front());
        }
        let empty_at = if state.frozen.is_empty() { state.current.start().0 } else { NEVER };
        self.empty_at.store(empty_at, Ordering::Release);
        // Freed without the lock: it can be large.
        drop(state);
        drop(dropped);
    }

    /// Merges ended generations if a failing shard has let them pile up: always the two that follow each other and are smallest together, so that
    /// large ones are seldom touched. Called by the thread that also freezes and retires.
    pub fn compact(&self) -> Result<()> {
        while let Some((index, older, newer)) = self.smallest_pair()? {
            // NOTE: without the lock: it may take long. Versions that reads settle meanwhile are settled once more.
            let merged = older.merged_with(&newer)?;
            let mut state = self.state.lock();
            assert!(
                Arc::ptr_eq(&state.frozen[index].claim, &older.claim),
                "no other thread drops generations"
            );
            state.frozen[index] = merged;
            let gone = state.frozen.remove(index + 1);
            drop(state);
            drop((older, newer, gone));
        }
        Ok(())
    }

    /// Two generations to merge, fully indexed, and the place of the older one.
    fn smallest_pair(&self) -> Result<Option<(usize, Generation, Generation)>> {
        let mut state = self.state.lock();
        if state.frozen.len() <= MOST_FROZEN {
            return Ok(None);
        }
        let bytes = |i: usize| state.frozen[i].end().map_or(0, |end| end.0 - state.frozen[i].start().0);
        let index = (0..state.frozen.len() - 1).min_by_key(|i| bytes(*i) + bytes(i + 1)).expect("several");
        for i in [index, index + 1] {
            while state.frozen[i].backlog(Lsn(0)) > 0 {
                state.frozen[i].catch_up_by(self.part, Lsn(0), |number, id| self.hash(number, id))?;
                MutexGuard::bump(&mut state);
            }
        }
        Ok(Some((index, state.frozen[index].clone(), state.frozen[index + 1].clone())))
    }

    /// Bytes of the log from the oldest write that is not in all shards, and when that was called, in milliseconds since 1970.
    pub fn backlog(&self) -> (u64, Option<u64>) {
        if self.is_empty() {
            return (0, None);
        }
        let state = self.state.lock();
        // IMPORTANT: asked for under the lock, so that it is not behind a generation that was just begun.
        let head = self.log.head();
        let oldest = state.oldest();
        let time = oldest.claim.first_time(oldest.start(), head);
        (head.0 - oldest.start().0, time)
    }

    /// Bytes of memory that the index takes.
    pub fn bytes(&self) -> usize {
        self.state.lock().newest_first().map(|generation| generation.bytes()).sum()
    }

    /// Where the oldest write lies that is not in all shards.
    pub fn oldest(&self) -> Lsn {
        self.state.lock().oldest().start()
    }
}
