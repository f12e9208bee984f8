//! Looking a document up in the buffer, and what that needs: an index that is up to date.
//!
//! Threads that must not wait, the event loops of JavaScript, call what begins with `try`: they index little, and wait for others hardly at all.

use std::{sync::atomic::Ordering, time::Duration};

use super::{Buffer, State, history::Seen};
use crate::engine::{error::Result, log::Lsn, sync::MutexGuard};

/// Bytes of the log that are indexed while others wait: a millisecond or so, unless one record is larger.
pub(super) const PART: u64 = 128 << 10;

/// So long a thread that must not wait does so all the same: others mostly need the lock for some microseconds.
const PATIENCE: Duration = Duration::from_millis(1);

/// What the buffer knows about a document.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Nothing: the shard has its newest state.
    Absent,
    /// It is deleted, by this.
    Deleted(Newest),
    /// Its newest text was copied out, and its version is known, unless [others have changed](Pending::is_outdated) what it counts from.
    Known(u64, Pending),
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
    /// Whether it is before a place of the log up to which its shard has it, asked for if need be.
    pub fn is_before(self, place: impl FnOnce() -> Lsn) -> bool {
        self.is_frozen && self.at < place().0
    }
}

/// What [`Buffer::settle`] has to know of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The newest write.
    pub newest: Newest,
    oldest: Lsn,
    /// See [`State`].
    forgotten: u64,
    /// Where a flush has begun with a deletion, the newest write behind it, from which the version counts.
    deletion: Option<u64>,
}

impl Pending {
    /// Whether the version counts from a deletion before a place up to which the shard has it, since when others have written to that: then ask the
    /// shard, as if it were not known.
    pub fn is_outdated(self, place: impl FnOnce() -> Lsn) -> bool {
        self.deletion.is_some_and(|at| at < place().0)
    }
}

impl Buffer {
    /// Looks a document up, appending its text to `value`; sees every write that returned before the call.
    ///
    /// # Errors
    /// [`Corrupt`](crate::engine::error::Code::Corrupt) if the log was changed from outside.
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
    /// [`Corrupt`](crate::engine::error::Code::Corrupt) if the log was changed from outside.
    pub fn catch_up(&self) -> Result<()> {
        let mut state = self.state.lock();
        self.catch_up_in_parts(&mut state, self.log.head())
    }

    /// In parts of a millisecond, between which others have the lock: first those of the newest generation that lacks something.
    pub(super) fn catch_up_in_parts(&self, state: &mut MutexGuard<'_, State>, head: Lsn) -> Result<()> {
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

    pub(super) fn look_up(
        &self,
        state: &mut State,
        head: Lsn,
        (number, id): (u32, &str),
        value: &mut Vec<u8>,
    ) -> Result<Lookup> {
        let hash = self.hash(number, id);
        let (oldest, forgotten) = (state.oldest().start(), state.forgotten);
        let pending = |newest, deletion| Pending { newest, oldest, forgotten, deletion };
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
            let (seen, is_frozen) = (slot.history.seen(), generation.end().is_some());
            let deletion = is_frozen.then_some(slot.at);
            if seen == Seen::Deleted {
                return Ok(match newest {
                    None => Lookup::Deleted(Newest { at: slot.at, is_frozen }),
                    // What came after the delete is the whole history.
                    Some(newest) => Lookup::Known(total, pending(newest, deletion)),
                });
            }
            let newest = *match &mut newest {
                Some(newest) => newest,
                none => {
                    value.extend_from_slice(generation.claim.op(slot.at)?.value);
                    none.insert(Newest { at: slot.at, is_frozen })
                }
            };
            total += slot.history.writes();
            match seen {
                Seen::Learned => return Ok(Lookup::Known(total, pending(newest, None))),
                Seen::Whole => return Ok(Lookup::Known(total, pending(newest, deletion))),
                Seen::Part | Seen::Deleted => {}
            }
        }
        Ok(match newest {
            None => Lookup::Absent,
            Some(newest) => Lookup::Unsettled(pending(newest, None)),
        })
    }

    /// The version of a document that [`Buffer::read`] could not tell, given that the shard has version `stored` of it
    /// as of `as_of`. `None`: the document was written, a generation was dropped or versions were forgotten since, so look it up again.
    pub fn settle(&self, of: (u32, &str), pending: Pending, stored: (u64, Lsn)) -> Result<Option<u64>> {
        let mut state = self.state.lock();
        let head = self.log.head();
        self.catch_up_in_parts(&mut state, head)?;
        self.settle_in(&mut state, (head, u64::MAX), of, pending, stored)
    }

    /// As [`Buffer::settle`], for threads that must not wait: `None` too where much was written since, or others have the lock.
    pub fn try_settle(&self, of: (u32, &str), pending: Pending, stored: (u64, Lsn)) -> Result<Option<u64>> {
        let Some(mut state) = self.try_lock() else { return Ok(None) };
        let head = self.log.head();
        self.settle_in(&mut state, (head, self.part), of, pending, stored)
    }

    /// `None` too where more bytes than `most` have to be indexed. IMPORTANT: as far back as the lookup went, not further: of what it did not need
    /// it does not say that it is [`Lookup::Behind`], and whoever must not wait would look up and settle for ever.
    fn settle_in(
        &self,
        state: &mut State,
        (head, most): (Lsn, u64),
        (number, id): (u32, &str),
        pending: Pending,
        (stored, as_of): (u64, Lsn),
    ) -> Result<Option<u64>> {
        let hash = self.hash(number, id);
        if (state.oldest().start(), state.forgotten) != (pending.oldest, pending.forgotten) {
            return Ok(None);
        }
        let mut version = stored;
        let mut newest = None;
        let mut backlog = 0;
        for (index, generation) in state.newest_first().enumerate() {
            backlog += generation.backlog(head);
            if backlog > most {
                return Ok(None);
            }
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
                Seen::Learned => return Ok(None),
                Seen::Deleted | Seen::Whole if slot.at < as_of.0 => break,
                Seen::Deleted | Seen::Whole => {
                    version = version - stored + writes;
                    break;
                }
            };
        }
        let Some((index, at)) = newest else { return Ok(None) };
        // Also where it was written since: the version is known all the same, so the next lookup ends.
        if let Some(generation) = state.newest_first().nth(index) {
            generation.learn(hash, number, id, version)?;
        }
        Ok((at == pending.newest.at).then_some(version))
    }
}
