//! Where the files of a database are.

use std::path::{Path, PathBuf};

use crate::engine::{
    error::Result,
    log,
    options::log_beside,
    presence, registry,
    shard::{self, Former, ReadOnlyShard, ShardId, shard_path},
};

/// What is there of a database.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Located {
    /// Number of shards; 0: there is no database.
    pub shards: u32,
    /// Whether they are files that the old library named in its own way, which nobody has opened since.
    pub is_former: bool,
    /// Its log, as far as its shards know where that is.
    pub log: Option<PathBuf>,
    /// Bytes of that log's ring.
    pub log_size: Option<u64>,
}

/// Looks for the database at `base`, or for what the old library left of it under other names. Nothing is opened for good,
/// made or changed.
///
/// # Errors
/// [`Code::Locked`](crate::Code::Locked) if somebody has it open, and what the operating system says.
pub fn locate(base: &Path, former: Option<&Former>) -> Result<Located> {
    presence::check_free(&registry::home(base))?;
    let existing = existing(base)?;
    let Some(last) = existing.last() else {
        let elsewhere = former.map_or(Ok(Vec::new()), Former::files)?.len() as u32;
        let shards = elsewhere.max(u32::from(shard::is_unfinished(base)));
        return Ok(Located { shards, is_former: elsewhere > 0, ..Located::default() });
    };
    let unknown = Located { shards: last.saturating_add(1), ..Located::default() };
    // What cannot be read is not told of here: whoever opens the database next hears of it.
    let Ok(first) = ReadOnlyShard::open(&shard_path(base, 0), 0) else { return Ok(unknown) };
    let Ok(Some(owner)) = first.owner() else { return Ok(unknown) };
    let log = log_place(base, &first, owner.database);
    let log_size = log.as_deref().and_then(log::peek).and_then(|(_, size)| size);
    Ok(Located { shards: owner.shards, log, log_size, ..Located::default() })
}

/// Numbers of the shard files that exist, in order.
pub(super) fn existing(base: &Path) -> Result<Vec<ShardId>> {
    match base.parent() {
        Some(folder) if !folder.exists() => Ok(Vec::new()),
        _ => shard::existing(base, ""),
    }
}

/// The log of the database whose first shard this is.
pub(super) fn log_place(base: &Path, first: &ReadOnlyShard, database: log::Id) -> Option<PathBuf> {
    let is_ours = |path: &PathBuf| log::peek(path).is_some_and(|(owner, _)| owner == database);
    let is_anothers = |path: &PathBuf| log::peek(path).is_some_and(|(owner, _)| owner != database);
    let remembered = match first.places() {
        Ok(Some((at, log))) if registry::home(Path::new(&at)) == registry::home(base) => {
            Some(PathBuf::from(log))
        }
        // A copy of a database: its log is not the original's, but one of the same name may have been copied along.
        Ok(Some((_, log))) => {
            let beside = Path::new(&log).file_name().map(|name| base.with_file_name(name));
            beside.filter(|beside| !is_anothers(beside))
        }
        _ => None,
    };
    remembered.filter(|place| place.is_file()).or_else(|| Some(log_beside(base)).filter(is_ours))
}
