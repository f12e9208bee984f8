//! What a flush brings to one shard.

use std::{ops::ControlFlow, sync::Arc};

use crate::engine::{
    buffer::Frozen,
    error::Result,
    log::{Claim, Lsn},
    shard::{Router, collection::Collections},
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
    /// When it was called, in seconds since 1970.
    pub(crate) time: u64,
}

/// Sorts a generation's operations by shard, leaving out what a shard has `applied` already.
///
/// `foreign`: another process wrote the records, so collections go by name.
pub(crate) fn divide(
    frozen: &Frozen,
    router: Router,
    collections: &Collections,
    foreign: bool,
    applied: &[Lsn],
) -> Result<Vec<Part>> {
    let mut entries: Vec<Vec<Entry>> = applied.iter().map(|_| Vec::new()).collect();
    frozen.claim.walk(frozen.start, frozen.end, |met| {
        let shard = router.shard(met.op.id) as usize;
        if met.end > applied[shard] {
            let number = if foreign { collections.get(met.op.collection).number } else { met.op.number };
            entries[shard].push(Entry { at: met.at, end: met.end, number, time: met.time_ms / 1000 });
        }
        ControlFlow::Continue(())
    })?;
    let part =
        |entries| Part { claim: Arc::clone(&frozen.claim), entries, start: frozen.start, end: frozen.end };
    Ok(entries.into_iter().map(part).collect())
}
