//! Bringing a part to its shard: coalesced by key, sorted by id, in one transaction or a few.

use std::sync::Arc;

use crate::engine::{
    change::{Change, Fate},
    error::{Code, Error, Result},
    log::{Id, Kind, Lsn},
    shard::{
        Batch, Group, Store,
        collection::{Collection, Collections},
    },
};

use super::{Part, part::Entry};

/// Operations of one transaction unless the user bounds it: enough for random ids to find neighbours, and an
/// interrupted flush does not begin from the start.
const LARGEST_BATCH: usize = 1 << 16;

/// So many operations ahead are fetched into the processor's cache.
const AHEAD: usize = 8;

/// One operation with everything needed to sort it.
#[derive(Clone, Copy)]
struct Item<'a> {
    number: u32,
    /// The id's first bytes behind those that all ids of the batch begin with.
    prefix: u64,
    at: u64,
    /// In seconds since 1970.
    time: u64,
    id: &'a str,
    value: &'a [u8],
    kind: Kind,
}

/// Told of what was committed, up to which place.
pub(crate) type Follow<'a> = &'a dyn Fn(&[Change<'_>], Lsn);

/// Applies what the shard does not have yet of a part. `batch_size` 0: as the engine likes.
pub(crate) fn apply(
    part: &Part,
    log: Id,
    store: &dyn Store,
    collections: &Collections,
    follow: Follow<'_>,
    batch_size: usize,
) -> Result<()> {
    let applied = store.applied();
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
        commit(&changes, log, end, None, store, collections)?;
        follow(&changes, end);
    }
    Ok(())
}

/// Applies a part of the one-record log `side`, at the place `end` of the log, if the shard does not have it yet.
pub(crate) fn apply_side(
    part: &Part,
    side: Id,
    (log, end): (Id, Lsn),
    store: &dyn Store,
    collections: &Collections,
    follow: Follow<'_>,
) -> Result<()> {
    if part.entries.is_empty() || store.has_side(side)? {
        return Ok(());
    }
    let changes = coalesce(part, &part.entries)?;
    commit(&changes, log, end, Some(side), store, collections)?;
    follow(&changes, end);
    Ok(())
}

/// Length of the shortest prefix of at least `size` operations that does not split a record.
fn whole_records(entries: &[Entry], size: usize) -> usize {
    let mut length = size.min(entries.len());
    while length < entries.len() && entries[length].end == entries[length - 1].end {
        length += 1;
    }
    length
}

/// The final state of every document, sorted by collection and id.
fn coalesce<'a>(part: &'a Part, entries: &[Entry]) -> Result<Vec<Change<'a>>> {
    let mut items: Vec<Item<'a>> = Vec::with_capacity(entries.len());
    let mut common: &[u8] = &[];
    // So many items have a prefix that begins too far behind.
    let mut stale = 0;
    for (i, entry) in entries.iter().enumerate() {
        if let Some(later) = entries.get(i + AHEAD) {
            part.claim.prefetch(later.at);
        }
        let op = part.claim.op(entry.at)?;
        let id = op.id.as_bytes();
        if items.is_empty() {
            common = id;
        } else if !id.starts_with(common) {
            // Seldom after the first few, so that nearly all ids are looked at only once, while they are in the processor's cache.
            common = shared(common, id);
            stale = items.len();
        }
        items.push(Item {
            number: entry.number,
            prefix: prefix(op.id, common.len()),
            at: entry.at,
            time: entry.time_ms / 1000,
            id: op.id,
            value: op.value,
            kind: op.kind,
        });
    }
    for item in &mut items[..stale] {
        item.prefix = prefix(item.id, common.len());
    }
    items.sort_unstable_by(|a, b| {
        (a.number, a.prefix)
            .cmp(&(b.number, b.prefix))
            .then_with(|| a.id.cmp(b.id))
            .then_with(|| a.at.cmp(&b.at))
    });
    // Most ids differ in what is known of them without looking into the log.
    let is_same = |a: &Item<'_>, b: &Item<'_>| (a.number, a.prefix) == (b.number, b.prefix) && a.id == b.id;
    Ok(items.chunk_by(is_same).map(last_state).collect())
}

/// What both begin with.
fn shared<'a>(a: &'a [u8], b: &[u8]) -> &'a [u8] {
    &a[..a.iter().zip(b).take_while(|(a, b)| a == b).count()]
}

/// Sorts as the first bytes of an id do behind its first `skipped`.
fn prefix(id: &str, skipped: usize) -> u64 {
    let mut first = [0; 8];
    let rest = &id.as_bytes()[skipped..];
    let length = rest.len().min(first.len());
    first[..length].copy_from_slice(&rest[..length]);
    u64::from_be_bytes(first)
}

/// All operations on one document, oldest first, as one change.
fn last_state<'a>(history: &[Item<'a>]) -> Change<'a> {
    let newest = history[history.len() - 1];
    let lived = history.iter().rev().take_while(|item| item.kind == Kind::Upsert).count();
    let fate = match (newest.kind, lived < history.len()) {
        (Kind::Delete, _) => Fate::Deleted,
        (Kind::Upsert, true) => Fate::Recreated,
        (Kind::Upsert, false) => Fate::Stored,
    };
    Change {
        number: newest.number,
        fate,
        id: newest.id,
        value: newest.value,
        writes: lived as u64,
        created: history[history.len() - lived.max(1)].time,
        updated: newest.time,
    }
}

fn commit(
    changes: &[Change<'_>],
    log: Id,
    end: Lsn,
    side: Option<Id>,
    store: &dyn Store,
    collections: &Collections,
) -> Result<()> {
    let groups: Vec<(Arc<Collection>, &[Change<'_>])> = changes
        .chunk_by(|a, b| a.number == b.number)
        .map(|group| match collections.by_number(group[0].number) {
            Some(collection) => Ok((collection, group)),
            None => Err(Error::new(Code::Internal, "The buffer holds a collection without a name.")),
        })
        .collect::<Result<_>>()?;
    collections.settle(groups.iter().map(|(collection, _)| &**collection))?;
    let groups = groups.iter().map(|(collection, changes)| Group {
        collection: &collection.name,
        table: collection.settled().expect("on record since a moment ago"),
        changes,
    });
    store.apply(&Batch { log, end, side, groups: groups.collect() })
}
