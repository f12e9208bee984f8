//! From the old files to the new ones: one record, whose name is the moment.
//!
//! Every step rests on what the steps before it have made durable, and any of them can be done again.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::super::{
    Former, ShardId,
    layout::{existing, shard_path},
};
use crate::engine::{
    error::{Code, Error, Result},
    io::{FileSystem, is_there, read_front, with_suffix},
};

/// What the name of a new shard file ends with until it has its own.
const STAGED: &str = ".moving";

/// What SQLite puts beside a file.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Longest record.
const RECORD_BYTES: usize = 4096;

/// That the new files are the database, instead of the old ones.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) from: u32,
    pub(super) to: u32,
    /// Whether the old files have names of the old library's that are not ours.
    pub(super) is_former: bool,
}

/// Where a new shard is filled.
pub(super) fn staged_path(base: &Path, shard: ShardId) -> PathBuf {
    with_suffix(&shard_path(base, shard), STAGED)
}

/// Whether a move has been decided and is not complete.
pub fn is_unfinished(base: &Path) -> bool {
    record_path(base).symlink_metadata().is_ok()
}

fn record_path(base: &Path) -> PathBuf {
    with_suffix(base, ".moved")
}

fn draft_path(base: &Path) -> PathBuf {
    with_suffix(base, ".moved.new")
}

/// Makes the new files, which are whole and durable, the database. If this fails, it may or may not have happened.
pub(super) fn decide(base: &Path, record: &Record, files: &dyn FileSystem) -> Result<()> {
    let (path, draft) = (record_path(base), draft_path(base));
    let decide = || {
        // IMPORTANT: the names of the new files are durable before the record's.
        files.sync_folder(base)?;
        remove(&draft, files)?;
        let file = files.create(&draft)?;
        file.write_at(record.text().as_bytes(), 0)?;
        file.sync()?;
        drop(file);
        give_name(&draft, &path, files)?;
        files.sync_folder(base)
    };
    decide().map_err(|error| Error::io("note in", &path, &error))
}

/// Removes the new files, if they are not the database.
pub(super) fn forget(base: &Path, files: &dyn FileSystem) {
    // NOTE: where it cannot be looked at, it may be there.
    if matches!(is_there(&record_path(base)), Ok(false)) {
        // What is left here, the next opening removes.
        let _ = clear(base, files);
    }
}

/// Completes or undoes what an earlier process began; a database is looked at only after that.
///
/// # Errors
/// What the disk says; [`Code::Corrupt`] if a new file is missing.
pub fn finish(base: &Path, former: Option<&Former>, files: &dyn FileSystem) -> Result<()> {
    let path = record_path(base);
    let failed = |error| Error::io("go over to the shards of", base, &error);
    if !is_there(&path).map_err(failed)? {
        return clear(base, files);
    }
    let record = read(&path, files)?;
    check_there(base, &record)?;
    // IMPORTANT: from here on there is no way back, so no power cut may take the record away.
    files.sync_folder(base).map_err(failed)?;
    remove_old(base, &record, former, files)?;
    take_places(base, &record, files).map_err(failed)?;
    clear(base, files)?;
    files.sync_folder(base).map_err(failed)?;
    remove(&path, files).map_err(failed)?;
    files.sync_folder(base).map_err(failed)
}

/// Removes the names of new files.
fn clear(base: &Path, files: &dyn FileSystem) -> Result<()> {
    let failed = |error| Error::io("clear away what a move left of", base, &error);
    for shard in existing(base, STAGED)? {
        remove(&staged_path(base, shard), files).map_err(failed)?;
    }
    remove(&draft_path(base), files).map_err(failed)
}

/// Each new shard is in its place or has still to go there.
fn check_there(base: &Path, record: &Record) -> Result<()> {
    let failed = |error| Error::io("look at the shards of", base, &error);
    let mut missing = None;
    for shard in (0..record.to).rev() {
        let is_somewhere = is_there(&staged_path(base, shard)).map_err(failed)?
            || is_there(&shard_path(base, shard)).map_err(failed)?;
        missing = if is_somewhere { missing } else { Some(shard) };
    }
    let Some(shard) = missing else { return Ok(()) };
    let path = staged_path(base, shard);
    let text = format!("The shard file '{}' is missing; put it back or restore a backup.", path.display());
    Err(Error::new(Code::Corrupt, text).at(&path).in_shard(shard))
}

fn remove_old(base: &Path, record: &Record, former: Option<&Former>, files: &dyn FileSystem) -> Result<()> {
    let failed = |error| Error::io("remove the old shards of", base, &error);
    for shard in 0..record.from.max(record.to) {
        let path = shard_path(base, shard);
        // Where nothing waits for the place, what is there has come to stay.
        let is_old = shard >= record.to || is_there(&staged_path(base, shard)).map_err(failed)?;
        if is_old {
            remove_database(&path, files).map_err(failed)?;
        }
    }
    // IMPORTANT: no new shard meets SQLite's log of an old one.
    files.sync_folder(base).map_err(failed)?;
    if let Some(former) = former.filter(|_| record.is_former) {
        for path in former.names(record.from) {
            remove_database(&path, files).map_err(failed)?;
        }
    }
    Ok(())
}

fn take_places(base: &Path, record: &Record, files: &dyn FileSystem) -> io::Result<()> {
    for shard in 0..record.to {
        let staged = staged_path(base, shard);
        if is_there(&staged)? {
            give_name(&staged, &shard_path(base, shard), files)?;
        }
    }
    // IMPORTANT: each has its name for good before it loses the other.
    files.sync_folder(base)
}

/// Gives a file a name that is free; it may keep the one that it has.
fn give_name(from: &Path, to: &Path, files: &dyn FileSystem) -> io::Result<()> {
    match files.link(from, to) {
        // File systems without hard links.
        Err(_) if !to.exists() => files.rename(from, to),
        linked => linked,
    }
}

fn remove_database(path: &Path, files: &dyn FileSystem) -> io::Result<()> {
    BESIDE.iter().try_for_each(|suffix| remove(&with_suffix(path, suffix), files))?;
    remove(path, files)
}

fn remove(path: &Path, files: &dyn FileSystem) -> io::Result<()> {
    if is_there(path)? { files.remove(path) } else { Ok(()) }
}

fn read(path: &Path, files: &dyn FileSystem) -> Result<Record> {
    let bytes = files
        .open(path)
        .and_then(|file| read_front(&*file, RECORD_BYTES))
        .map_err(|error| Error::io("read", path, &error))?;
    Record::parse(&bytes).ok_or_else(|| {
        let text = format!("'{}' is damaged; restore the database from a backup.", path.display());
        Error::new(Code::Corrupt, text).at(path)
    })
}

impl Record {
    fn text(&self) -> String {
        let Record { from, to, is_former } = self;
        format!("{{\"format\":1,\"from\":{from},\"to\":{to},\"former\":{is_former}}}\n")
    }

    fn parse(bytes: &[u8]) -> Option<Record> {
        let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        let number = |name: &str| value[name].as_u64().and_then(|number| u32::try_from(number).ok());
        (number("format")? == 1).then_some(())?;
        Some(Record { from: number("from")?, to: number("to")?, is_former: value["former"].as_bool()? })
    }
}
