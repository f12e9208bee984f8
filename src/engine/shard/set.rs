//! Opening all shards of a database: which files there are, whether they belong together, what they hold.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::Connection;

use super::{
    ShardId, Store,
    collection::{Collections, Tables},
    connection::{self, explain},
    mending::rewrite_wal,
    schema::{self, Identity},
    sqlite::SqliteShard,
};
use crate::engine::{
    error::{Code, Error, Result},
    io::FileSystem,
    log::{Id, hex, random_id},
};

/// The shard files of a database, checked and claimed, before its log is known.
#[derive(Debug)]
pub struct ShardSet {
    /// The database's random name.
    pub database: Id,
    files: Vec<(PathBuf, Connection)>,
    file_system: Arc<dyn FileSystem>,
}

/// Path of a shard: `<base>_shard<i>.db`.
pub(crate) fn shard_path(base: &Path, shard: ShardId) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(format!("_shard{shard}.db"));
    name.into()
}

/// Opens the shards of the database at `base`, or makes them.
///
/// Shard 0 is made last, so a database whose shard 0 exists is complete, and a missing file is a lost one. Whose the
/// shards are is durable when this returns: a log is made for this database next.
///
/// # Errors
/// [`Code::ShardCount`] if there are more or fewer, [`Code::Corrupt`] if one is missing or another database's.
pub fn open(base: &Path, shards: u32, file_system: &Arc<dyn FileSystem>) -> Result<ShardSet> {
    let existing = count_existing(base)?;
    let complete = shard_path(base, 0).exists();
    if complete {
        check_count(base, shards, &existing)?;
    } else {
        check_is_new(base, &existing)?;
    }
    let sync_names =
        || file_system.sync_folder(base).map_err(|error| Error::io("sync the folder of", base, &error));
    let mut files = Vec::with_capacity(shards as usize);
    for shard in (0..shards).rev() {
        let path = shard_path(base, shard);
        if shard == 0 && !complete {
            // IMPORTANT: after a power cut too, where shard 0 is, the others are.
            sync_names()?;
        }
        // SQLite would let others read it. What it makes beside it has the same mode.
        match file_system.create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("make", &path, &error).in_shard(shard));
            }
            _ => {}
        }
        let connection = connection::writer(&path, shard)?;
        let identity =
            schema::identity(&connection).map_err(|error| explain("open", &path, shard, &error))?;
        files.push((path, connection, identity));
    }
    let known: Vec<&Identity> = files.iter().filter_map(|(_, _, identity)| identity.as_ref()).collect();
    let database =
        match files.last().and_then(|(_, _, identity)| *identity).or(known.first().map(|first| **first)) {
            Some(identity) => identity.database,
            None => random_id()?,
        };
    if complete && !known.is_empty() && !matches!(files.last(), Some((_, _, Some(_)))) {
        // Adopting the files of the old library was interrupted, or shard 0 was emptied.
        check_is_new(base, &existing[1..])?;
    }
    let known_first = matches!(files.last(), Some((_, _, Some(_))));
    for (shard, (path, connection, identity)) in (0..shards).rev().zip(&files) {
        let ours = Identity { database, shard, shards };
        match identity {
            Some(theirs) if *theirs == ours => {}
            Some(theirs) if theirs.database == database && theirs.shards != shards => {
                return Err(wrong_count(base, shards, theirs.shards));
            }
            Some(theirs) => {
                let text = format!(
                    "'{}' is shard {} of database {}, not shard {shard} of {}; put the right file in its place.",
                    path.display(),
                    theirs.shard,
                    hex(&theirs.database),
                    hex(&database)
                );
                return Err(Error::new(Code::Corrupt, text).at(path).in_shard(shard));
            }
            None if complete && known_first => {
                let text = format!(
                    "'{}' belongs to no database although shard 0 belongs to one; restore it from a backup.",
                    path.display()
                );
                return Err(Error::new(Code::Corrupt, text).at(path).in_shard(shard));
            }
            None => adopt(connection, &ours).map_err(|error| explain("prepare", path, shard, &error))?,
        }
        // IMPORTANT: one after the other, so that where shard 0 knows whose it is, the others do; and what an earlier
        // process left is taken for durable from here on.
        rewrite_wal(&**file_system, connection, path, shard)?;
    }
    sync_names()?;
    files.reverse();
    let files = files.into_iter().map(|(path, connection, _)| (path, connection)).collect();
    Ok(ShardSet { database, files, file_system: Arc::clone(file_system) })
}

fn adopt(connection: &Connection, identity: &Identity) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let result =
        schema::create_own_tables(connection).and_then(|()| schema::set_identity(connection, identity));
    connection.execute_batch(if result.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    result
}

/// Numbers of the shard files that exist, in order.
fn count_existing(base: &Path) -> Result<Vec<ShardId>> {
    let folder = base.parent().unwrap_or(Path::new("."));
    let stem = base.file_name().unwrap_or_default().to_string_lossy();
    let failed = |error| Error::io("list the folder", folder, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number = name.to_str().and_then(|name| {
            name.strip_prefix(&*stem)?.strip_prefix("_shard")?.strip_suffix(".db")?.parse::<ShardId>().ok()
        });
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}

fn check_count(base: &Path, shards: u32, existing: &[ShardId]) -> Result<()> {
    let path = shard_path(base, 0);
    let identity = connection::reader(&path, 0).and_then(|connection| {
        schema::identity(&connection).map_err(|error| explain("open", &path, 0, &error))
    })?;
    let count = match identity {
        Some(identity) => identity.shards,
        // The old library left no count, so its files are counted.
        None => existing.last().map_or(0, |last| last + 1),
    };
    if count != shards {
        return Err(wrong_count(base, shards, count));
    }
    match (0..shards).find(|shard| !existing.contains(shard)) {
        None => Ok(()),
        Some(missing) => {
            let path = shard_path(base, missing);
            let text =
                format!("The shard file '{}' is missing; put it back or restore a backup.", path.display());
            Err(Error::new(Code::Corrupt, text).at(&path).in_shard(missing))
        }
    }
}

/// Without shard 0 there must be no documents in the others.
fn check_is_new(base: &Path, existing: &[ShardId]) -> Result<()> {
    for shard in existing {
        let path = shard_path(base, *shard);
        let names = connection::reader(&path, *shard).and_then(|connection| {
            schema::names(&connection).map_err(|error| explain("open", &path, *shard, &error))
        })?;
        if names.iter().any(|(name, is_documents)| *is_documents && !name.starts_with(schema::PREFIX)) {
            let first = shard_path(base, 0);
            let text =
                format!("The shard file '{}' is missing; put it back or restore a backup.", first.display());
            return Err(Error::new(Code::Corrupt, text).at(&first).in_shard(0));
        }
    }
    Ok(())
}

fn wrong_count(base: &Path, asked: u32, found: u32) -> Error {
    let text = format!(
        "The database '{}' has {found} shards and shardCount is {asked}; open it with shardCount: {found}.",
        base.display()
    );
    Error::new(Code::ShardCount, text).at(base)
}

/// Whether documents may be kept under that name, given what a file holds. A table that is missing holds nothing.
fn holds_documents(table: &str, names: &[(String, bool)]) -> bool {
    let lower = table.to_ascii_lowercase();
    let is_ours = lower.starts_with(schema::PREFIX) || lower.starts_with("sqlite_");
    let found = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(table));
    !is_ours && found.is_none_or(|(_, is_documents)| *is_documents)
}

impl ShardSet {
    /// Where the log was that the database at `base` used last, as its first shard says.
    pub fn log_place(&self, base: &Path) -> Result<Option<PathBuf>> {
        let (path, connection) = &self.files[0];
        let places = schema::places(connection).map_err(|error| explain("read from", path, 0, &error))?;
        // IMPORTANT: a copy of a database must not take away the log of the original.
        Ok(places.filter(|(at, _)| Path::new(at) == base).map(|(_, log)| PathBuf::from(log)))
    }

    /// Makes the shards ready for batches of the log `log`.
    pub fn attach(self, log: Id) -> Result<(Vec<Arc<dyn Store>>, Collections)> {
        let mut tables = Tables::default();
        let mut existing = Vec::new();
        for (shard, (path, connection)) in (0..).zip(&self.files) {
            let failed = |error: rusqlite::Error| explain("read from", path, shard, &error);
            let names = schema::names(connection).map_err(failed)?;
            for (name, table) in schema::collections(connection).map_err(failed)? {
                let corrupt = |text: String| {
                    let error = Error::new(Code::Corrupt, text).at(path).in_shard(shard);
                    Err(error.in_collection(&name))
                };
                if !holds_documents(&table, &names) {
                    return corrupt(format!(
                        "'{}' keeps the collection '{name}' in '{table}', which is no table of documents; restore it \
                         from a backup.",
                        path.display()
                    ));
                }
                if !tables.note_given(name.clone(), table) {
                    return corrupt(format!(
                        "'{}' keeps the collection '{name}' in another table than the other shards do; restore it \
                         from a backup of the same time.",
                        path.display()
                    ));
                }
            }
            existing.extend(names);
        }
        existing.into_iter().for_each(|(name, is_documents)| tables.note_existing(name, is_documents));

        let mut shards: Vec<Arc<dyn Store>> = Vec::with_capacity(self.files.len());
        for (shard, (path, connection)) in (0..).zip(self.files) {
            let files = Arc::clone(&self.file_system);
            shards.push(Arc::new(SqliteShard::new(connection, path, shard, log, files)?));
        }
        Ok((shards, Collections::new(tables)))
    }
}
