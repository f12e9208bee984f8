//! What the log holds and the shards do not yet: an index over the log's records, by generation.
//!
//! A write touches none of this. The index is behind the log and a read brings it up to date, so a program that
//! only writes never pays for it. A generation ends when a flush begins and is dropped when all shards have it.

mod generation;

use std::{collections::VecDeque, hash::BuildHasher, ops::ControlFlow, sync::Arc};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use self::generation::{Generation, Seen};
use super::{
    error::Result,
    log::{Claim, Kind, Log, Lsn},
};

/// More ended generations than this (a shard is failing) are merged, so that reads stay fast.
const MOST_FROZEN: usize = 4;

/// The index over the log.
#[derive(Debug)]
pub struct Buffer {
    log: Arc<Log>,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    current: Generation,
    /// Ended, oldest first.
    frozen: VecDeque<Generation>,
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
}

/// Writes to one document in one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writes {
    /// Where the generation starts.
    pub start: Lsn,
    /// Where it ends (the log's head, for the current one).
    pub end: Lsn,
    /// How many.
    pub count: u64,
}

/// What the buffer knows about a document.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Nothing: the shard has its newest state.
    Absent,
    /// It is deleted.
    Deleted,
    /// Its newest text was copied out, and its version is known.
    Known(u64),
    /// Its newest text was copied out. Its version is the shard's plus these writes, as far as the shard does not
    /// have them; tell it with [`Buffer::settle`].
    Unsettled(Pending),
}

/// See [`Lookup::Unsettled`].
#[derive(Debug, PartialEq, Eq)]
pub struct Pending {
    /// Newest generation first.
    pub writes: Vec<Writes>,
    at: u64,
}

impl Buffer {
    /// An empty buffer at the log's head.
    pub fn new(log: &Arc<Log>) -> Self {
        let state = State { current: Generation::new(log, log.head()), frozen: VecDeque::new() };
        Buffer { log: Arc::clone(log), hasher: RandomState::default(), state: Mutex::new(state) }
    }

    fn hash(&self, number: u32, id: &str) -> u64 {
        self.hasher.hash_one((number, id))
    }

    /// Looks a document up; sees every write that returned before the call.
    ///
    /// # Errors
    /// [`super::error::Code::Corrupt`] if the log was changed from outside.
    pub fn read(&self, number: u32, id: &str, value: &mut Vec<u8>) -> Result<Lookup> {
        let hash = self.hash(number, id);
        let state = &mut *self.state.lock();
        let head = self.log.head();
        let mut writes = Vec::new();
        let mut total = 0;
        let mut newest = None;
        for generation in std::iter::once(&mut state.current).chain(state.frozen.iter_mut().rev()) {
            generation.catch_up(head, |number, id| self.hash(number, id))?;
            let Some(&mut slot) = generation.find(hash, number, id)? else { continue };
            match (newest, slot.seen) {
                (None, Seen::Deleted) => return Ok(Lookup::Deleted),
                // What came after the delete is the whole history.
                (Some(_), Seen::Deleted) => return Ok(Lookup::Known(total)),
                _ => {}
            }
            if newest.is_none() {
                newest = Some(slot.at);
                value.extend_from_slice(generation.claim.op(slot.at)?.value);
            }
            total += slot.writes;
            match slot.seen {
                Seen::Whole => return Ok(Lookup::Known(total)),
                Seen::Since(base) => return Ok(Lookup::Known(base + total)),
                Seen::Part | Seen::Deleted => {
                    let end = generation.end().unwrap_or(head);
                    writes.push(Writes { start: generation.start(), end, count: slot.writes });
                }
            }
        }
        Ok(match newest {
            None => Lookup::Absent,
            Some(at) => Lookup::Unsettled(Pending { writes, at }),
        })
    }

    /// Remembers the version of a document that [`Buffer::read`] could not tell, as long as it was not written
    /// since.
    pub fn settle(&self, number: u32, id: &str, pending: &Pending, version: u64) -> Result<()> {
        let hash = self.hash(number, id);
        let state = &mut *self.state.lock();
        for generation in std::iter::once(&mut state.current).chain(state.frozen.iter_mut().rev()) {
            let Some(slot) = generation.find(hash, number, id)? else { continue };
            if slot.at == pending.at && slot.seen == Seen::Part {
                slot.seen = Seen::Since(version.saturating_sub(slot.writes));
            }
            break;
        }
        Ok(())
    }

    /// Counts the writes to a document in `[from, to)`, for the rare read that meets a shard which has a part of a
    /// generation. None: there is no such part in the buffer any more, so the shard has it all.
    pub fn count(&self, number: u32, id: &str, from: Lsn, to: Lsn) -> Result<Option<u64>> {
        let claim = {
            let state = self.state.lock();
            let oldest = state.frozen.front().unwrap_or(&state.current);
            if from < oldest.start() {
                return Ok(None);
            }
            Arc::clone(&oldest.claim)
        };
        let mut count = 0;
        claim.walk(from, to, |met| {
            let same = met.op.number == number && met.op.id == id && met.op.kind == Kind::Upsert;
            count += u64::from(same);
            ControlFlow::Continue(())
        })?;
        Ok(Some(count))
    }

    /// Ends the current generation at `head`. `None` if it is empty.
    pub fn freeze(&self, head: Lsn) -> Option<Frozen> {
        let state = &mut *self.state.lock();
        if head == state.current.start() {
            return None;
        }
        let mut ended = std::mem::replace(&mut state.current, Generation::new(&self.log, head));
        ended.freeze(head);
        let frozen = Frozen { claim: Arc::clone(&ended.claim), start: ended.start(), end: head };
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
        // Freed without the lock: it can be large.
        drop(state);
        drop(dropped);
    }

    /// Merges the ended generations if a failing shard has let them pile up.
    pub fn compact(&self) -> Result<()> {
        let state = &mut *self.state.lock();
        while state.frozen.len() > MOST_FROZEN {
            let (older, mut newer) =
                (state.frozen.pop_front().expect("several"), state.frozen.pop_front().expect("several"));
            newer.catch_up(Lsn(u64::MAX), |number, id| self.hash(number, id))?;
            state.frozen.push_front(older.absorb(&newer, |number, id| self.hash(number, id))?);
        }
        Ok(())
    }

    /// Where the oldest write lies that is not in all shards.
    pub fn oldest(&self) -> Lsn {
        let state = self.state.lock();
        state.frozen.front().unwrap_or(&state.current).start()
    }
}
