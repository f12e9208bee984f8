//! Bringing a part to its shard, in one transaction or a few.

use std::sync::Arc;

use crate::engine::{
    change::Change,
    error::{Code, Error, Result},
    log::{Id, Lsn},
    shard::{
        Batch, Group, Target,
        collection::{Collection, Collections},
    },
};

use super::{Part, coalesce::coalesce, part::Entry};

/// Operations of one transaction unless the user bounds it: enough for random ids to find neighbours, and an
/// interrupted flush does not begin from the start.
const LARGEST_BATCH: usize = 1 << 16;

/// Told of what was committed, up to which place.
pub(crate) type Follow<'a> = &'a dyn Fn(&[Change<'_>], Lsn);

/// A shard, and what bringing parts to it takes.
pub(crate) struct Applier<'a> {
    /// Of which the shard is told how far it has it.
    pub(crate) log: Id,
    pub(crate) store: &'a dyn Target,
    pub(crate) collections: &'a Collections,
    pub(crate) follow: Follow<'a>,
}

impl Applier<'_> {
    /// Applies what the shard does not have yet of a part. `batch_size` 0: as the engine likes.
    pub(crate) fn apply(&self, part: &Part, batch_size: usize) -> Result<()> {
        let applied = self.store.applied();
        let first = part.entries.partition_point(|entry| entry.end <= applied);
        let mut rest = &part.entries[first..];
        let size = if batch_size == 0 { LARGEST_BATCH } else { batch_size };
        while !rest.is_empty() {
            let (now, later) = rest.split_at(whole_records(rest, size));
            rest = later;
            let end = if rest.is_empty() { part.end } else { now[now.len() - 1].end };
            let changes = coalesce(part, now)?;
            // IMPORTANT: or a power cut could leave a later write without an earlier one, or a part of a batch, and no log to
            // complete it from.
            part.claim.log().wait_until_synced(part.end);
            self.commit(&changes, end, None)?;
        }
        Ok(())
    }

    /// Applies a part of the one-record log `side`, at the place `end` of the log, if the shard does not have it yet.
    pub(crate) fn apply_side(&self, part: &Part, side: Id, end: Lsn) -> Result<()> {
        if part.entries.is_empty() || self.store.has_side(side)? {
            return Ok(());
        }
        let changes = coalesce(part, &part.entries)?;
        self.commit(&changes, end, Some(side))
    }

    fn commit(&self, changes: &[Change<'_>], end: Lsn, side: Option<Id>) -> Result<()> {
        let groups: Vec<(Arc<Collection>, &[Change<'_>])> = changes
            .chunk_by(|a, b| a.number == b.number)
            .map(|group| match self.collections.by_number(group[0].number) {
                Some(collection) => Ok((collection, group)),
                None => Err(Error::new(Code::Internal, "The buffer holds a collection without a name.")),
            })
            .collect::<Result<_>>()?;
        self.collections.settle(groups.iter().map(|(collection, _)| &**collection))?;
        let groups = groups.iter().map(|(collection, changes)| Group {
            collection: &collection.name,
            table: collection.settled().expect("on record since a moment ago"),
            changes,
        });
        self.store.apply(&Batch { log: self.log, end, side, groups: groups.collect() })?;
        (self.follow)(changes, end);
        Ok(())
    }
}

/// Length of the shortest prefix of at least `size` operations that does not split a record.
fn whole_records(entries: &[Entry], size: usize) -> usize {
    let mut length = size.min(entries.len());
    while length < entries.len() && entries[length].end == entries[length - 1].end {
        length += 1;
    }
    length
}
