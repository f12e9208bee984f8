//! Which shard files a database has, and how many they should be.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    ShardId,
    connection::{self, explain},
    former::Former,
    schema::{self, Owner},
    tables,
};
use crate::engine::{
    error::{Code, Error, Result},
    io::with_suffix,
};

/// Where the documents are.
#[derive(Debug, PartialEq, Eq)]
pub enum Layout {
    /// There are none.
    Empty,
    /// In so many shards.
    Here(u32),
    /// In files that the old library named in its own way.
    Elsewhere(Vec<PathBuf>),
}

/// No system lets a process open as many files.
pub(crate) const MOST_SHARDS: u32 = 1 << 16;

/// Path of a shard: `<base>_shard<i>.db`.
pub(crate) fn shard_path(base: &Path, shard: ShardId) -> PathBuf {
    with_suffix(base, &format!("_shard{shard}.db"))
}

/// Numbers of the files `<base>_shard<i>.db<suffix>` that exist, in order.
pub(crate) fn existing(base: &Path, suffix: &str) -> Result<Vec<ShardId>> {
    let folder = base.parent().unwrap_or(Path::new("."));
    let stem = base.file_name().unwrap_or_default().to_string_lossy();
    let failed = |error| Error::io("list the folder", folder, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number = name.to_str().and_then(|name| {
            let number = name.strip_prefix(&*stem)?.strip_prefix("_shard")?.strip_suffix(suffix)?;
            let number = number.strip_suffix(".db")?;
            // Only as a shard's name is made: not '+1', not '01'.
            number.parse::<ShardId>().ok().filter(|shard| shard.to_string() == number)
        });
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}

/// Looks where the documents are. No move is under way.
///
/// # Errors
/// [`Code::Corrupt`] if shard 0 is missing and others hold documents, [`Code::ShardCount`] if there are documents of the old
/// library beside ours.
pub fn find(base: &Path, former: Option<&Former>) -> Result<Layout> {
    let existing = existing(base, "")?;
    if existing.first() == Some(&0) {
        check_alone(base, former)?;
        // The old library left no count, so its files are counted.
        let counted = existing.last().map_or(0, |last| last.saturating_add(1));
        return Ok(Layout::Here(owner(base, 0)?.map_or(counted, |owner| owner.shards)));
    }
    check_is_new(base, &existing)?;
    for shard in existing {
        // Making the database was interrupted.
        if let Some(owner) = owner(base, shard)? {
            return Ok(Layout::Here(owner.shards));
        }
    }
    let files = former.map_or(Ok(Vec::new()), Former::files)?;
    Ok(if files.is_empty() { Layout::Empty } else { Layout::Elsewhere(files) })
}

/// The old library, used again on a database whose documents were moved here, has begun anew where they were.
fn check_alone(base: &Path, former: Option<&Former>) -> Result<()> {
    let Some(path) = former.map_or(Ok(Vec::new()), Former::files)?.into_iter().next() else { return Ok(()) };
    let text = format!(
        "'{}' holds documents of kimdb 7, and '{}' is there already, where they belong now; move one of the two away, and \
         what it has and the other lacks comes over by 'kimdb dump' and 'kimdb load'.",
        path.display(),
        shard_path(base, 0).display()
    );
    Err(Error::new(Code::ShardCount, text).at(&path))
}

fn owner(base: &Path, shard: ShardId) -> Result<Option<Owner>> {
    let path = shard_path(base, shard);
    let connection = connection::reader(&path, shard)?;
    let owner = schema::owner(&connection).map_err(|error| explain("open", &path, shard, &error))?;
    match owner {
        // IMPORTANT: before anything is made for each of them. Memory that there is not ends the process.
        Some(Owner { shards, .. }) if shards > MOST_SHARDS => {
            let text = format!(
                "The shard file '{}' says that it is one of {shards}, and no database has so many; restore a backup.",
                path.display()
            );
            Err(Error::new(Code::Corrupt, text).at(&path).in_shard(shard))
        }
        owner => Ok(owner),
    }
}

/// All shards of a database that has shard 0 must be there.
pub(super) fn check_complete(base: &Path, shards: u32, existing: &[ShardId]) -> Result<()> {
    match (0..shards).find(|shard| !existing.contains(shard)) {
        None => Ok(()),
        Some(shard) => Err(missing(base, shard)),
    }
}

/// Without shard 0 there must be no documents in the others.
pub(super) fn check_is_new(base: &Path, others: &[ShardId]) -> Result<()> {
    for shard in others {
        let path = shard_path(base, *shard);
        let connection = connection::reader(&path, *shard)?;
        let tables =
            tables::of_documents(&connection).map_err(|error| explain("open", &path, *shard, &error))?;
        if !tables.is_empty() {
            return Err(missing(base, 0));
        }
    }
    Ok(())
}

fn missing(base: &Path, shard: ShardId) -> Error {
    let path = shard_path(base, shard);
    let what = if path.exists() { "empty" } else { "missing" };
    let text = format!("The shard file '{}' is {what}; put it back or restore a backup.", path.display());
    Error::new(Code::Corrupt, text).at(&path).in_shard(shard)
}
