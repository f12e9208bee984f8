//! Makes a database have the shards that are asked for, before it is opened.
//!
//! What is in the logs belongs to the shards that there are, so it is brought there first. Killed at any place, the next
//! opening finds the old shards, or the new ones, and goes on from there.

use std::time::{Duration, Instant};

use super::{
    error::{Code, Error, Result},
    options::Options,
    presence,
    progress::{Progress, Tell},
    recovering::{Recovered, recover},
    registry,
    shard::{self, Layout, Move, Router, ShardSet},
};

/// Time between two reports.
const PAUSE: Duration = Duration::from_secs(1);

/// What was recovered on the way.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) recovered: u64,
    pub(crate) damaged: u64,
}

/// Completes or undoes an earlier move, and moves the documents if another number of shards is asked for. The options have
/// the number that there is then. `damage`: as in [`recover`].
pub(crate) fn settle(options: &mut Options, tell: Tell<'_>, damage: &mut Vec<Error>) -> Result<Settled> {
    let Options { base, files, former, .. } = &*options;
    shard::finish(base, former.as_ref(), &**files)?;
    let layout = shard::find(base, former.as_ref())?;
    let found = match &layout {
        Layout::Here(count) => Some(*count),
        // Of one file nobody knows how many shards it was meant to be.
        Layout::Elsewhere(paths) if paths.len() > 1 => Some(paths.len() as u32),
        _ => None,
    };
    if let Some(found) = found.filter(|_| options.shard_count_is_default) {
        options.shard_count = found;
    }
    let (from, way) = match layout {
        Layout::Here(count) if count != options.shard_count => {
            (count, Move::within(&options.base, count, options.shard_count, &options.files))
        }
        Layout::Elsewhere(paths) => {
            let from = paths.len() as u32;
            (from, Move::from_former(&options.base, paths, options.shard_count, &options.files))
        }
        _ => return Ok(Settled::default()),
    };
    way.check()?;
    let settled = prepare(options, &way, from, tell, damage)?;
    tell(Progress::Moving { from, to: options.shard_count });
    let mut told = Instant::now();
    let moved = way.run(&mut |documents, of| {
        if told.elapsed() >= PAUSE {
            tell(Progress::Copied { documents, of });
            told = Instant::now();
        }
    })?;
    shard::finish(&options.base, options.former.as_ref(), &*options.files)?;
    tell(Progress::Moved(moved));
    Ok(settled)
}

/// Finds out how many shards others have open.
///
/// # Errors
/// [`Code::Locked`] if another number is asked for.
pub(crate) fn join(options: &mut Options) -> Result<Settled> {
    let Layout::Here(count) = shard::find(&options.base, None)? else {
        return Err(Error::new(Code::Internal, "Others have a database open that has no files."));
    };
    if options.shard_count_is_default {
        options.shard_count = count;
    }
    if options.shard_count != count {
        let advice = format!(
            "it has {count} shards, and only a process that is alone can move its documents to {}; close it there first",
            options.shard_count
        );
        return Err(presence::in_use(&registry::home(&options.base), &advice));
    }
    Ok(Settled::default())
}

/// Opens the shards, or makes them. `is_alone`: nobody else has them open.
///
/// Where their log has gone, or a file that is none of ours has its place, or they lie elsewhere than before, somebody may have gone back to the
/// old library and have returned: see the page on migration. That stores ids as it always did.
pub(crate) fn open_shards(options: &Options, is_alone: bool) -> Result<ShardSet> {
    let files = shard::open(&options.base, options.shard_count, is_alone, &options.files)?;
    if is_alone && files.has_left_its_log(&registry::home(&options.base))? {
        files.name_ids()?;
    }
    Ok(files)
}

/// Brings everything into the files that are to be moved, and lets go of them.
fn prepare(
    options: &Options,
    way: &Move,
    from: u32,
    tell: Tell<'_>,
    damage: &mut Vec<Error>,
) -> Result<Settled> {
    let Some(files) = way.open_former()? else {
        return recover_old(Options { shard_count: from, ..options.clone() }, tell, damage);
    };
    // They know no log of ours. One of the old library's may be any database's, and is applied to the new shards.
    files.close().map(|()| Settled::default())
}

fn recover_old(options: Options, tell: Tell<'_>, damage: &mut Vec<Error>) -> Result<Settled> {
    let files = open_shards(&options, true)?;
    let Recovered { log, unused_log, shards, recovered, damaged, .. } =
        recover(&options, files, Router::new(options.shard_count), true, damage)?;
    if recovered > 0 {
        tell(Progress::Recovered(recovered));
    }
    shards.iter().try_for_each(|shard| shard.checkpoint(true))?;
    shards.iter().try_for_each(|shard| shard.close(true))?;
    log.unlock();
    if let Some(log) = &unused_log {
        log.unlock();
    }
    Ok(Settled { recovered, damaged })
}
