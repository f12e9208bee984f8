//! What a flush makes of the operations of a shard: one change for each document, sorted by id.

use super::{Part, part::Entry};
use crate::engine::{
    change::{Change, Fate},
    error::Result,
    log::Kind,
};

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

/// The final state of every document, sorted by collection and id.
pub(super) fn coalesce<'a>(part: &'a Part, entries: &[Entry]) -> Result<Vec<Change<'a>>> {
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
            // Seldom after the first few, so that nearly all ids are looked at only once, while they are in the
            // processor's cache.
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
