//! A point read: buffer, then cache, then shard.

use std::{borrow::Cow, cell::LazyCell, sync::atomic::Ordering};

use super::{
    buffer::{Lookup, Newest, Pending},
    core::Core,
    db::Document,
    error::Result,
    log::Lsn,
    shard::{REGISTRAR, ShardId, Stored, collection::Collection},
};

/// What a read came to that must not wait for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It is done: the document, if there is one.
    Done(Option<Document>),
    /// It would have to wait.
    WouldWait(Wait),
}

/// What a read waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// A shard whose disk is slow, or of which nothing was read yet.
    Disk,
    /// The index over what is buffered: much was written since the last read.
    Index,
}

/// How far a read goes.
trait Reach {
    /// It may wait for a disk, or for the index over what is buffered.
    const WAITS: bool = false;
    /// It asks no shard.
    const IS_MEMORY: bool = false;
}

struct Memory;
struct FastShards;
struct Anywhere;

impl Reach for Memory {
    const IS_MEMORY: bool = true;
}

impl Reach for FastShards {}

impl Reach for Anywhere {
    const WAITS: bool = true;
}

/// The same for each step of a read: `None` is [`Wait::Disk`].
type Step<T> = Result<Option<T>>;

impl Core {
    /// Puts the document's JSON text into `text`. Sees every write that returned before the call.
    pub(crate) fn read(
        &self,
        collection: &Collection,
        id: &str,
        text: &mut Vec<u8>,
    ) -> Result<Option<Document>> {
        match self.read_or_leave::<Anywhere>(collection, id, text)? {
            Attempt::Done(found) => Ok(found),
            Attempt::WouldWait(_) => unreachable!("this one waits"),
        }
    }

    /// The same, without waiting for a disk.
    pub(crate) fn try_read(&self, collection: &Collection, id: &str, text: &mut Vec<u8>) -> Result<Attempt> {
        self.read_or_leave::<FastShards>(collection, id, text)
    }

    /// The same without asking any shard: what is neither buffered nor cached is [`Wait::Disk`].
    pub(crate) fn read_memory(
        &self,
        collection: &Collection,
        id: &str,
        text: &mut Vec<u8>,
    ) -> Result<Attempt> {
        self.read_or_leave::<Memory>(collection, id, text)
    }

    fn read_or_leave<R: Reach>(
        &self,
        collection: &Collection,
        id: &str,
        text: &mut Vec<u8>,
    ) -> Result<Attempt> {
        // No lookup would find anything, and this is less.
        if self.buffer.is_empty() {
            text.clear();
            return self.read_stored::<R>(collection, id, text, &mut Lsn(0));
        }
        let number = collection.number;
        let shard = LazyCell::new(|| self.router.shard(id));
        let applied = || self.shards[*shard as usize].applied();
        let changed_at = || self.watch.changed_at(*shard);
        let buffered = |newest: Newest| !newest.is_before(applied);
        // It is in the shard, only others lack their parts of its generation, and other processes may have written the document since.
        let overtaken = |newest: Newest| {
            if buffered(newest) {
                return false;
            }
            self.watch.note_read(*shard);
            newest.is_before(changed_at)
        };
        let mut asks_shard = true;
        loop {
            text.clear();
            let looked_up = if R::WAITS {
                self.buffer.read(number, id, text)
            } else {
                self.buffer.try_read(number, id, text)
            };
            let looked_up = looked_up?;
            let newest = match looked_up {
                Lookup::Absent => {
                    return self.read_stored::<R>(collection, id, text, &mut Lsn(0));
                }
                Lookup::Behind => return Ok(Attempt::WouldWait(Wait::Index)),
                Lookup::Deleted(newest) => newest,
                Lookup::Known(_, pending) | Lookup::Unsettled(pending) => pending.newest,
            };
            if asks_shard && overtaken(newest) {
                text.clear();
                let mut as_of = Lsn(0);
                let stored = self.read_stored::<R>(collection, id, text, &mut as_of)?;
                // IMPORTANT: for a moment after a commit readers are still in their transactions from before it, and the cache does not follow it
                // yet. What is buffered is newer than that.
                if matches!(stored, Attempt::WouldWait(_)) || newest.is_before(|| as_of) {
                    return Ok(stored);
                }
                asks_shard = false;
                continue;
            }
            let is_outdated = |pending: Pending| {
                asks_shard && pending.is_outdated(applied) && pending.is_outdated(changed_at)
            };
            let version = match looked_up {
                Lookup::Known(version, pending) if !is_outdated(pending) => Some(version),
                Lookup::Known(_, pending) | Lookup::Unsettled(pending) => {
                    let Some((stored, as_of)) = self.stored_version::<R>(collection, id)? else {
                        return Ok(Attempt::WouldWait(Wait::Disk));
                    };
                    let settled = if R::WAITS {
                        self.buffer.settle((number, id), pending, (stored, as_of))
                    } else {
                        self.buffer.try_settle((number, id), pending, (stored, as_of))
                    };
                    // None: a flush or a write came between.
                    let Some(version) = settled? else { continue };
                    Some(version)
                }
                _ => None,
            };
            self.counters.hits.fetch_add(1, Ordering::Relaxed);
            let found =
                version.map(|version| Document { version, buffered: buffered(newest), cached: false });
            return Ok(Attempt::Done(found));
        }
    }

    /// What the cache or the shard has; `of` becomes the place of the log as of which it has that.
    fn read_stored<R: Reach>(
        &self,
        collection: &Collection,
        id: &str,
        text: &mut Vec<u8>,
        of: &mut Lsn,
    ) -> Result<Attempt> {
        if let Some((version, as_of)) = self.cache.read(collection.number, id, text) {
            *of = as_of;
            self.counters.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(Attempt::Done(Some(Document { version, buffered: false, cached: true })));
        }
        let Some(table) = self.table_of::<R>(collection)? else {
            return Ok(Attempt::WouldWait(Wait::Disk));
        };
        let missed = |found| {
            self.counters.misses.fetch_add(1, Ordering::Relaxed);
            Ok(Attempt::Done(found))
        };
        let number = self.router.shard(id);
        self.watch.note_read(number);
        let Some(table) = table else { return missed(None) };
        let origin = self.cache.origin(number);
        let Some(Stored { version, as_of, .. }) = self.read_shard::<R>(number, &table, id, text)? else {
            return Ok(Attempt::WouldWait(Wait::Disk));
        };
        *of = as_of;
        let Some(version) = version else { return missed(None) };
        // What another collection may still take over is not kept.
        if let Cow::Borrowed(_) = table {
            let applied = || self.shards[number as usize].applied();
            self.cache.keep((collection.number, id), text, (version, as_of), origin, applied);
        }
        missed(Some(Document { version, buffered: false, cached: false }))
    }

    /// The table to read a collection from, if it has one.
    fn table_of<'a, R: Reach>(&self, collection: &'a Collection) -> Step<Option<Cow<'a, str>>> {
        let table = collection.table();
        if table.is_some() || self.knows_collections.load(Ordering::Acquire) {
            return Ok(Some(table));
        }
        if !R::WAITS {
            return Ok(None);
        }
        self.learn_collections()?;
        Ok(Some(collection.table()))
    }

    /// Another process may have made a collection; the first shard tells, and is looked at all the time from now on.
    ///
    /// # Errors
    /// What that shard says: nobody knows then that a collection has no documents.
    pub(crate) fn learn_collections(&self) -> Result<()> {
        if !self.knows_collections.load(Ordering::Acquire) {
            self.watch.note_read(REGISTRAR);
            self.collections.refresh()?;
            self.knows_collections.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// What the shard, or the cache for it, says about a document's version, and as of which place.
    fn stored_version<R: Reach>(&self, collection: &Collection, id: &str) -> Step<(u64, Lsn)> {
        if let Some(known) = self.cache.version(collection.number, id) {
            return Ok(Some(known));
        }
        let Some(table) = self.table_of::<R>(collection)? else { return Ok(None) };
        let Some(table) = table else { return Ok(Some((0, Lsn(0)))) };
        let number = self.router.shard(id);
        self.watch.note_read(number);
        let stored = self.read_shard::<R>(number, &table, id, &mut Vec::new())?;
        Ok(stored.map(|stored| (stored.version.unwrap_or(0), stored.as_of)))
    }

    /// Reads from a shard and notes what that took.
    fn read_shard<R: Reach>(
        &self,
        number: ShardId,
        table: &str,
        id: &str,
        text: &mut Vec<u8>,
    ) -> Step<Stored> {
        let (shard, pace) = (&*self.shards[number as usize], &self.paces[number as usize]);
        // Reads of a shard wait while it is mended.
        if R::IS_MEMORY || !R::WAITS && (!pace.is_fast() || shard.is_suspect()) {
            return Ok(None);
        }
        // NOTE: others may be reading from the shard. As long as its disk is fast, waiting for one of them takes less than a detour.
        let stored = shard.read(table, id, text, R::WAITS)?;
        pace.note(stored.took, R::WAITS);
        Ok(Some(stored))
    }
}
