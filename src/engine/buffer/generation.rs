//! One generation: the newest place of every document written in a range of the log.

use std::{
    ops::{ControlFlow, Range},
    sync::Arc,
};

use hashbrown::HashTable;

use super::history::{History, Seen};

use crate::engine::{
    error::{Error, Result},
    log::{Claim, Kind, Log, Lsn, Met},
};

/// What a generation knows of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    hash: u64,
    /// Place of the newest operation.
    pub(super) at: u64,
    pub(super) history: History,
}

/// A document whose version was learned.
#[derive(Debug, Clone, Copy)]
struct Learned {
    hash: u64,
    /// Place of one of its operations.
    at: u64,
    /// Its version less the upserts in this generation, also those that the shard has already, so that it may be below zero.
    older: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Generation {
    pub(super) claim: Arc<Claim>,
    end: Option<Lsn>,
    indexed: Lsn,
    /// Why the rest could not be indexed: what is newest is not known any more.
    damage: Option<Error>,
    /// Shared only while a copy of it is made, during which nobody changes it.
    table: Arc<HashTable<Slot>>,
    /// What is to be forgotten when others write: to index a large generation once more would take long. Empty while the table is shared.
    learned: Vec<Learned>,
}

impl Generation {
    pub(super) fn new(log: &Arc<Log>, start: Lsn) -> Self {
        Generation {
            claim: Arc::new(log.claim(start)),
            end: None,
            indexed: start,
            damage: None,
            table: Arc::default(),
            learned: Vec::new(),
        }
    }

    pub(super) fn start(&self) -> Lsn {
        self.claim.start()
    }

    /// Bytes of memory that the index takes.
    pub(super) fn bytes(&self) -> usize {
        self.table.allocation_size() + self.learned.capacity() * size_of::<Learned>()
    }

    pub(super) fn end(&self) -> Option<Lsn> {
        self.end
    }

    pub(super) fn freeze(&mut self, end: Lsn) {
        self.end = Some(end);
    }

    /// What there is to index, up to the generation's end or, if it has not ended, `head`.
    fn missing(&self, head: Lsn) -> Range<Lsn> {
        // IMPORTANT: a generation that has ended counts as a whole, also where it ended behind `head`: what is in a newer one may have been found.
        self.indexed..self.end.unwrap_or(head)
    }

    /// Bytes of the log that are not indexed yet.
    pub(super) fn backlog(&self, head: Lsn) -> u64 {
        let Range { start, end } = self.missing(head);
        end.0.saturating_sub(start.0)
    }

    /// Indexes what was appended since the last time.
    pub(super) fn catch_up(&mut self, head: Lsn, hash: impl Fn(u32, &str) -> u64) -> Result<()> {
        self.catch_up_by(u64::MAX, head, hash)
    }

    /// The same, but ends at a record behind so many bytes.
    pub(super) fn catch_up_by(
        &mut self,
        bytes: u64,
        head: Lsn,
        hash: impl Fn(u32, &str) -> u64,
    ) -> Result<()> {
        if let Some(damage) = &self.damage {
            return Err(damage.clone());
        }
        let Range { start, end } = self.missing(head);
        if start >= end {
            return Ok(());
        }
        let part = Lsn(start.0.saturating_add(bytes));
        // Where it is damaged, the walk tells.
        let to = if part < end { self.claim.boundary(start, part, end).unwrap_or(end) } else { end };
        self.index_up_to(to, hash).inspect_err(|error| self.damage = Some(error.clone()))
    }

    fn index_up_to(&mut self, to: Lsn, hash: impl Fn(u32, &str) -> u64) -> Result<()> {
        let claim = Arc::clone(&self.claim);
        let table = Arc::get_mut(&mut self.table).expect("what is copied is complete");
        let from = std::mem::replace(&mut self.indexed, to);
        let mut damaged = None;
        claim.walk(from, to, |met| {
            let hash = hash(met.op.number, met.op.id);
            match note(table, &claim, hash, &met) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    damaged = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        damaged.map_or(Ok(()), Err)
    }

    pub(super) fn find(&self, hash: u64, number: u32, id: &str) -> Result<Option<&Slot>> {
        let mut damaged = Ok(());
        let found = self.table.find(hash, |slot| is(slot, hash, &self.claim, (number, id), &mut damaged));
        damaged.map(|()| found)
    }

    /// Notes a version that became known of a document, unless the table is being copied.
    pub(super) fn learn(&mut self, hash: u64, number: u32, id: &str, version: u64) -> Result<()> {
        let Some(table) = Arc::get_mut(&mut self.table) else { return Ok(()) };
        let mut damaged = Ok(());
        let claim = &self.claim;
        if let Some(slot) = table.find_mut(hash, |slot| is(slot, hash, claim, (number, id), &mut damaged))
            && slot.history.seen() == Seen::Part
        {
            let older = version.wrapping_sub(slot.history.writes());
            self.learned.push(Learned { hash, at: slot.at, older });
            slot.history = History::learned(version);
        }
        damaged
    }

    /// Forgets the versions that became known.
    pub(super) fn forget_versions(&mut self) {
        let learned = std::mem::take(&mut self.learned);
        let Some(table) = Arc::get_mut(&mut self.table) else { return };
        let claim = &self.claim;
        for Learned { hash, at, older } in learned {
            // Where it is damaged the version stays as it was learned: nothing tells any more whose it is.
            let Ok(op) = claim.op(at) else { continue };
            let same = |slot: &Slot| is(slot, hash, claim, (op.number, op.id), &mut Ok(()));
            if let Some(slot) = table.find_mut(hash, same)
                // It may have been deleted since.
                && slot.history.seen() == Seen::Learned
            {
                slot.history = slot.history.without(older);
            }
        }
    }

    /// Counts the upserts of a document in `[from, to)`, for the rare read of a shard that has a part of a generation.
    pub(super) fn count(&self, number: u32, id: &str, from: Lsn, to: Lsn) -> Result<u64> {
        let mut count = 0;
        self.claim.walk(from, to, |met| {
            let same = met.op.number == number && met.op.id == id && met.op.kind == Kind::Upsert;
            count += u64::from(same);
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    /// One generation over this range and that of the next newer one. Both are fully indexed, and know no learned versions.
    ///
    /// # Errors
    /// Something that is needed for it is damaged.
    pub(super) fn merged_with(&self, newer: &Generation) -> Result<Generation> {
        let mut table = (*self.table).clone();
        for slot in &*newer.table {
            let op = newer.claim.op(slot.at)?;
            let mut damaged = Ok(());
            let same = |older: &Slot| is(older, slot.hash, &self.claim, (op.number, op.id), &mut damaged);
            table
                .entry(slot.hash, same, |slot| slot.hash)
                .and_modify(|older| {
                    *older = Slot { history: older.history.followed_by(slot.history), ..*slot }
                })
                .or_insert(*slot);
            damaged?;
        }
        let (end, indexed, claim) = (newer.end, newer.indexed, Arc::clone(&self.claim));
        // What could not be indexed counts as indexed.
        let damage = self.damage.clone().or_else(|| newer.damage.clone());
        Ok(Generation { claim, end, indexed, damage, table: Arc::new(table), learned: Vec::new() })
    }
}

/// Whether a slot is about that document.
fn is(slot: &Slot, hash: u64, claim: &Claim, (number, id): (u32, &str), damaged: &mut Result<()>) -> bool {
    slot.hash == hash
        && is_of(claim, slot.at, number, id).unwrap_or_else(|error| {
            *damaged = Err(error);
            false
        })
}

/// Whether the operation at `at` is about that document. Two documents hardly ever have the same hash: then its bytes were
/// rather changed since, and its checksum tells.
fn is_of(claim: &Claim, at: u64, number: u32, id: &str) -> Result<bool> {
    let is_same = claim.op_unchecked(at).is_ok_and(|op| op.number == number && op.id == id);
    if is_same { Ok(true) } else { claim.op(at).map(|_| false) }
}

/// Brings one operation into the table.
fn note(table: &mut HashTable<Slot>, claim: &Claim, hash: u64, met: &Met<'_>) -> Result<()> {
    let at = met.at;
    let mut damaged = Ok(());
    let same = |slot: &Slot| is(slot, hash, claim, (met.op.number, met.op.id), &mut damaged);
    let history = match met.op.kind {
        Kind::Upsert => History::FIRST,
        Kind::Delete => History::DELETED,
    };
    table
        .entry(hash, same, |slot| slot.hash)
        .and_modify(|slot| *slot = Slot { hash, at, history: slot.history.followed_by(history) })
        .or_insert(Slot { hash, at, history });
    damaged
}
