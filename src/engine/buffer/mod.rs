//! What the log holds and the shards do not yet: an index over the log's records, by generation.
//!
//! A write touches none of this. The index is behind the log and a read brings it up to date, so a program that
//! only writes never pays for it. A generation ends when a flush begins and is dropped when all shards have it.

mod generation;
mod history;
mod lookup;
#[cfg(test)]
mod test;

use std::{
    collections::VecDeque,
    hash::BuildHasher,
    sync::{Arc, atomic::Ordering},
};

use foldhash::fast::RandomState;

pub use self::lookup::{Lookup, Newest, Pending};
use self::{generation::Generation, lookup::PART};
use super::{
    error::Result,
    log::{Claim, Log, Lsn},
    sync::{AtomicU64, Mutex, MutexGuard},
};

/// More ended generations than this (a shard is failing) are merged, so that reads stay fast.
const MOST_FROZEN: usize = 4;

/// The index over the log.
#[derive(Debug)]
pub struct Buffer {
    log: Arc<Log>,
    hasher: RandomState,
    state: Mutex<State>,
    /// The log's head while it was known that all before it is in the shards, or [`NEVER`].
    empty_at: AtomicU64,
    /// See [`PART`]. Tests have smaller ones.
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
    /// How often versions were forgotten.
    forgotten: u64,
}

impl State {
    fn oldest(&self) -> &Generation {
        self.frozen.front().unwrap_or(&self.current)
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

impl Buffer {
    /// An empty buffer at the log's head.
    pub fn new(log: &Arc<Log>) -> Self {
        let current = Generation::new(log, log.head());
        let state = State { current, frozen: VecDeque::new(), forgotten: 0 };
        let empty_at = AtomicU64::new(log.head().0);
        let (hasher, state) = (RandomState::default(), Mutex::new(state));
        Buffer { log: Arc::clone(log), hasher, state, empty_at, part: PART, at_work: AtomicU64::new(0) }
    }

    /// Whether all that is in the log is in the shards.
    pub fn is_empty(&self) -> bool {
        // IMPORTANT: in this order. Where nothing was appended since the place was noted, nothing was frozen since either.
        let empty_at = self.empty_at.load(Ordering::Acquire);
        self.log.head().0 == empty_at
    }

    fn hash(&self, number: u32, id: &str) -> u64 {
        self.hasher.hash_one((number, id))
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

    /// Somebody else has written to a shard, so that no version counts any more that became known.
    pub fn forget_versions(&self) {
        let mut state = self.state.lock();
        state.forgotten += 1;
        state.newest_first().for_each(Generation::forget_versions);
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
            // NOTE: without the lock: it may take long. Versions are learned once more.
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

    /// Two generations to merge, fully indexed and without learned versions, and the place of the older one.
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
        for i in [index, index + 1] {
            state.frozen[i].forget_versions();
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
