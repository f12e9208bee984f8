//! What a flush brings to one shard.

use std::{ops::ControlFlow, sync::Arc};

use crate::engine::{
    buffer::Frozen,
    core::Core,
    error::Result,
    log::{Claim, Lsn, Met},
    shard::{Router, ShardId, collection::Collections},
};

/// The operations of one generation that belong to one shard, in the order of the log.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) claim: Arc<Claim>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) start: Lsn,
    pub(crate) end: Lsn,
}

/// One operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// Its place.
    pub(crate) at: u64,
    /// End of its record.
    pub(crate) end: Lsn,
    /// Its collection's number in this process.
    pub(crate) number: u32,
    /// When it was called, in milliseconds since 1970.
    pub(crate) time_ms: u64,
}

/// How operations are sorted by shard.
pub(crate) struct Division<'a> {
    pub(crate) router: Router,
    pub(crate) collections: &'a Collections,
    /// Another process wrote the records, so collections go by name.
    pub(crate) is_foreign: bool,
}

impl Core {
    /// The one of what this process wrote.
    pub(super) fn division(&self) -> Division<'_> {
        Division { router: self.router, collections: &self.collections, is_foreign: false }
    }
}

impl Division<'_> {
    /// Sorts a generation's operations by shard, leaving out what a shard has `applied` already. `about`: so many operations there
    /// are; 0: that is not known.
    pub(crate) fn divide(&self, frozen: &Frozen, applied: &[Lsn], about: u64) -> Result<Vec<Part>> {
        // Digests spread them evenly, but not quite: lists that grow would be copied, and memory that is new costs page faults.
        let each = about as usize / applied.len();
        let mut entries: Vec<Vec<Entry>> =
            applied.iter().map(|_| Vec::with_capacity(each + each / 8)).collect();
        let mut hand_out = |shard: ShardId, entry: Entry| {
            if entry.end > applied[shard as usize] {
                entries[shard as usize].push(entry);
            }
        };
        // What follows often belongs to the same collection.
        let mut last = ("", None);
        let mut number_of = |name| match last {
            (known, Some(number)) if known == name => number,
            _ => {
                let number = self.collections.get(name).number;
                last = (name, Some(number));
                number
            }
        };
        // Their shards are found together.
        let mut met: Vec<(&str, Entry)> = Vec::with_capacity(Router::TOGETHER);
        frozen.claim.walk(frozen.start, frozen.end, |Met { at, end, time_ms, op }| {
            let number = if self.is_foreign { number_of(op.collection) } else { op.number };
            met.push((op.id, Entry { at, end, number, time_ms }));
            if let Ok(all) = <[_; Router::TOGETHER]>::try_from(&met[..]) {
                let shards = self.router.shards(all.map(|(id, _)| id));
                shards.into_iter().zip(all).for_each(|(shard, (_, entry))| hand_out(shard, entry));
                met.clear();
            }
            ControlFlow::Continue(())
        })?;
        met.into_iter().for_each(|(id, entry)| hand_out(self.router.shard(id), entry));
        let part = |entries| Part {
            claim: Arc::clone(&frozen.claim),
            entries,
            start: frozen.start,
            end: frozen.end,
        };
        Ok(entries.into_iter().map(part).collect())
    }
}
