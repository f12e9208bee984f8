//! What a worker does for one shard: applying the parts that wait for it, after reopening it if its disk has failed.

use std::sync::Arc;

use super::{Applier, Part};
use crate::engine::{
    buffer::Frozen,
    change::Change,
    core::Core,
    error::{Error, Result},
    log::Lsn,
    shard::ShardId,
};

/// Applies parts to a shard, in order. Returns how many are done and what stopped it.
///
/// `frozen`: end of the newest generation.
pub(super) fn bring(core: &Core, shard: usize, parts: &[Arc<Part>], frozen: Lsn) -> (usize, Option<Error>) {
    let store = &*core.shards[shard];
    if store.is_suspect()
        && let Err(error) = reopen(core, shard, frozen)
    {
        return (0, Some(error));
    }
    let follow = |changes: &[Change<'_>], end| {
        core.flush.note_progress();
        if core.is_short_of_room() {
            core.flush.jobs.hurry(true);
        }
        core.follow(shard as ShardId, changes, end);
    };
    let applier = Applier { log: core.log.id(), store, collections: &core.collections, follow: &follow };
    for (done, part) in parts.iter().enumerate() {
        if let Err(error) = applier.apply(part, core.options.batch_size) {
            return (done, Some(error));
        }
    }
    (parts.len(), store.checkpoint(false).err())
}

/// Reopens a shard after a failure of the disk. What it lost of what it had is still in the log, because no space is
/// given back before it is on the disk.
pub(super) fn reopen(core: &Core, shard: usize, frozen: Lsn) -> Result<()> {
    let store = &*core.shards[shard];
    let reopened = store.reopen(&mut || {
        let claim = Arc::new(core.log.claim_all());
        let lost = Frozen { start: claim.start(), claim, end: frozen, ops: 0 };
        let mut applied = vec![Lsn(u64::MAX); core.shards.len()];
        applied[shard] = store.applied();
        let parts = core.division().divide(&lost, &applied, 0)?;
        let (log, collections) = (core.log.id(), &core.collections);
        Applier { log, store, collections, follow: &|_, _| () }.apply(&parts[shard], 0)
    });
    // IMPORTANT: before the buffer lets go of what is in the shard now. What was read before may be older. Also if it has failed, and if the shard
    // says that nobody else has written: its new connection does not know what happened before it.
    core.forget(shard as ShardId);
    reopened
}
