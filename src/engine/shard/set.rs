//! Opening all shards of a database: which files there are, whether they belong together, what they hold.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::Connection;

use super::{
    REGISTRAR, Store,
    collection::{Collections, Tables},
    connection::{self, explain},
    half_pairs,
    layout::{self, shard_path},
    mending::rewrite_wal,
    number_ids::{self, Evidence, Placement},
    schema::{self, Owner},
    sqlite::SqliteShard,
    tables,
};
use crate::engine::{
    error::{Code, Error, Result},
    io::FileSystem,
    log::{Id, hex, peek, random_id},
};

/// The shard files of a database, checked and claimed, before its log is known.
#[derive(Debug)]
pub struct ShardSet {
    /// The database's random name.
    pub database: Id,
    files: Vec<(PathBuf, Connection)>,
    file_system: Arc<dyn FileSystem>,
}

/// Opens the shards of the database at `base`, or makes them.
///
/// `is_alone`: no other process has them open.
///
/// Shard 0 is made last, so a database whose shard 0 exists is complete, and a missing file is a lost one. Whose the
/// shards are is durable when this returns: a log is made for this database next.
///
/// # Errors
/// [`Code::Corrupt`] if one is missing, another database's or one of another number of shards.
pub fn open(base: &Path, shards: u32, is_alone: bool, file_system: &Arc<dyn FileSystem>) -> Result<ShardSet> {
    let existing = layout::existing(base, "")?;
    let is_complete = existing.first() == Some(&0);
    if is_complete {
        layout::check_complete(base, shards, &existing)?;
    } else {
        layout::check_is_new(base, &existing)?;
    }
    let paths: Vec<PathBuf> = (0..shards).map(|shard| shard_path(base, shard)).collect();
    let files = open_files(&paths, is_complete, &**file_system)?;
    let known: Vec<&Known> = files.iter().filter_map(|file| file.known.as_ref()).collect();
    if is_complete && files[0].known.is_none() && !known.iter().all(|known| known.adopting.is_some()) {
        // Making them was interrupted, or shard 0 was emptied.
        layout::check_is_new(base, &existing[1..])?;
    }
    claim(files, is_complete, is_alone, file_system)
}

/// Opens shards of the old library that have other names than ours.
pub fn open_former(paths: &[PathBuf], file_system: &Arc<dyn FileSystem>) -> Result<ShardSet> {
    claim(open_files(paths, true, &**file_system)?, true, true, file_system)
}

/// A shard file before it is known to belong to the others.
struct Unclaimed {
    path: PathBuf,
    connection: Connection,
    known: Option<Known>,
}

/// What a shard file says of itself.
struct Known {
    owner: Owner,
    /// Shard 0 may not know yet whose it is. The tables are those whose doubtful ids are numbers.
    adopting: Option<BTreeSet<String>>,
}

fn open_files(paths: &[PathBuf], is_complete: bool, file_system: &dyn FileSystem) -> Result<Vec<Unclaimed>> {
    let mut files = Vec::with_capacity(paths.len());
    for (shard, path) in (0..paths.len() as u32).zip(paths).rev() {
        if shard == 0 && !is_complete {
            // IMPORTANT: after a power cut too, where shard 0 is, the others are.
            sync_names(path, file_system)?;
        }
        // SQLite would let others read it. What it makes beside it has the same mode.
        match file_system.create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("make", path, &error).in_shard(shard));
            }
            _ => {}
        }
        let connection = connection::writer(path, shard)?;
        let failed = |error: rusqlite::Error| explain("open", path, shard, &error);
        let known = match schema::owner(&connection).map_err(failed)? {
            Some(owner) => Some(Known { owner, adopting: schema::adopting(&connection).map_err(failed)? }),
            None => None,
        };
        files.push(Unclaimed { path: path.clone(), connection, known });
    }
    files.reverse();
    Ok(files)
}

fn sync_names(path: &Path, file_system: &dyn FileSystem) -> Result<()> {
    file_system.sync_folder(path).map_err(|error| Error::io("sync the folder of", path, &error))
}

/// Makes the files those of one database, if they are not yet.
fn claim(
    files: Vec<Unclaimed>,
    is_complete: bool,
    is_alone: bool,
    file_system: &Arc<dyn FileSystem>,
) -> Result<ShardSet> {
    let shards = files.len() as u32;
    let database = match files.iter().find_map(|file| file.known.as_ref()) {
        Some(known) => known.owner.database,
        None => random_id()?,
    };
    let is_claimed = files[0].known.is_some();
    let adopting = if is_complete && !is_claimed { Some(tables_of_numbers(&files)?) } else { None };
    for (shard, file) in (0..shards).zip(&files).rev() {
        let Unclaimed { path, connection, known } = file;
        let ours = Owner { database, shard, shards };
        match known {
            Some(known) => check_owner(path, &known.owner, &ours)?,
            None if is_claimed => {
                let text = format!(
                    "'{}' belongs to no database although shard 0 belongs to one; restore it from a backup.",
                    path.display()
                );
                return Err(Error::new(Code::Corrupt, text).at(path).in_shard(shard));
            }
            None => {
                adopt(connection, &ours, adopting.as_ref())
                    .map_err(|error| explain("prepare", path, shard, &error))?;
            }
        }
        // IMPORTANT: one after the other, so that where shard 0 knows whose it is, the others do; and what an earlier
        // process left is taken for durable from here on. Those who have it open see to what they write.
        if is_alone {
            rewrite_wal(&**file_system, connection, path, shard)?;
        }
    }
    for (shard, Unclaimed { path, connection, known }) in (0..).zip(&files) {
        if adopting.is_some() || known.as_ref().is_some_and(|known| known.adopting.is_some()) {
            schema::set_adopting(connection, None)
                .map_err(|error| explain("prepare", path, shard, &error))?;
        }
    }
    sync_names(&files[0].path, &**file_system)?;
    let files = files.into_iter().map(|file| (file.path, file.connection)).collect();
    Ok(ShardSet { database, files, file_system: Arc::clone(file_system) })
}

fn check_owner(path: &Path, theirs: &Owner, ours: &Owner) -> Result<()> {
    if theirs == ours {
        return Ok(());
    }
    let Owner { database, shard, shards } = ours;
    let text = format!(
        "'{}' is shard {} of {} of database {}, not shard {shard} of {shards} of {}; put the right file in its place.",
        path.display(),
        theirs.shard,
        theirs.shards,
        hex(&theirs.database),
        hex(database)
    );
    Err(Error::new(Code::Corrupt, text).at(path).in_shard(*shard))
}

/// The tables whose doubtful ids are numbers.
fn tables_of_numbers(files: &[Unclaimed]) -> Result<BTreeSet<String>> {
    // IMPORTANT: a shard that is adopted no longer shows what it showed, so each one notes what was found before.
    let known = files.iter().filter_map(|file| file.known.as_ref());
    if let Some(tables) = known.filter_map(|known| known.adopting.as_ref()).next() {
        return Ok(tables.clone());
    }
    let mut evidence = Evidence::default();
    let shards = files.len() as u32;
    for (shard, file) in (0..).zip(files) {
        let failed = |error: rusqlite::Error| explain("read from", &file.path, shard, &error);
        evidence.gather(&file.connection, Placement { shard, shards }).map_err(failed)?;
    }
    Ok(evidence.tables_of_numbers())
}

/// Notes in a file whose it is. One of the old library has its ids named as we name them: `adopting` are the tables whose doubtful
/// ones are numbers.
fn adopt(
    connection: &Connection,
    owner: &Owner,
    adopting: Option<&BTreeSet<String>>,
) -> rusqlite::Result<()> {
    in_transaction(connection, || {
        schema::create_own_tables(connection)?;
        if let Some(tables) = adopting {
            let Owner { shard, shards, .. } = *owner;
            half_pairs::rename(connection)?;
            number_ids::rename(connection, Placement { shard, shards }, tables)?;
            schema::set_adopting(connection, adopting)?;
        }
        schema::set_owner(connection, owner)
    })
}

fn in_transaction(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let result = work().and_then(|()| connection.execute_batch("COMMIT"));
    if result.is_err() && !connection.is_autocommit() {
        // NOTE: SQLite has rolled back by itself after some errors; then there is nothing to do.
        let _ = connection.execute_batch("ROLLBACK");
    }
    result
}

/// Whether documents may be kept under that name, given what a file holds. A table that is missing holds nothing.
fn holds_documents(table: &str, names: &HashMap<String, bool>) -> bool {
    let lower = table.to_ascii_lowercase();
    let is_ours = lower.starts_with(schema::PREFIX) || lower.starts_with("sqlite_");
    !is_ours && names.get(&lower).is_none_or(|is_documents| *is_documents)
}

/// Whether the log of `places` is not there, or those are not of the database at `base`. Not where none is known.
pub(super) fn is_log_left(places: Option<&(String, String)>, base: &Path, database: Id) -> bool {
    places.is_some_and(|(at, log)| {
        Path::new(at) != base || peek(Path::new(log)).is_none_or(|(owner, _)| owner != database)
    })
}

impl ShardSet {
    /// Lets go of the files.
    pub fn close(self) -> Result<()> {
        for (shard, (path, connection)) in (0..).zip(self.files) {
            connection.close().map_err(|(_, error)| explain("close", &path, shard, &error))?;
        }
        Ok(())
    }

    /// Gives what the old library has stored since the shards are ours the ids that it has here; those of numbers as far as the
    /// shard proves that they are. Nobody else has the database open. Durable when this returns.
    pub fn name_ids(&self) -> Result<()> {
        let shards = self.files.len() as u32;
        for (shard, (path, connection)) in (0..).zip(&self.files) {
            let placement = Placement { shard, shards };
            let failed = |error: rusqlite::Error| explain("prepare", path, shard, &error);
            // Most have none, and somebody else may hold a shard.
            let is_needed = number_ids::has_numbers(connection, placement)
                .and_then(|has_numbers| Ok(has_numbers || half_pairs::has_any(connection)?));
            if !is_needed.map_err(failed)? {
                continue;
            }
            let rename = || {
                half_pairs::rename(connection)?;
                number_ids::rename(connection, placement, &BTreeSet::new())
            };
            in_transaction(connection, rename).map_err(failed)?;
            rewrite_wal(&*self.file_system, connection, path, shard)?;
        }
        Ok(())
    }

    /// Where the log was that the database at `base` used last, as its first shard says.
    pub fn log_place(&self, is_its_base: impl Fn(&Path) -> bool) -> Result<Option<PathBuf>> {
        // IMPORTANT: a copy of a database must not take away the log of the original.
        Ok(self.places()?.filter(|(at, _)| is_its_base(Path::new(at))).map(|(_, log)| PathBuf::from(log)))
    }

    /// Whether the log that the shards know is not where it was, or they are not themselves.
    pub fn has_left_its_log(&self, base: &Path) -> Result<bool> {
        Ok(is_log_left(self.places()?.as_ref(), base, self.database))
    }

    fn places(&self) -> Result<Option<(String, String)>> {
        let (path, connection) = &self.files[0];
        schema::places(connection).map_err(|error| explain("read from", path, 0, &error))
    }

    /// Makes the shards ready for batches of the log `log`.
    pub fn attach(self, log: Id) -> Result<(Vec<Arc<dyn Store>>, Collections)> {
        let mut tables = Tables::default();
        let mut existing = Vec::new();
        for (shard, (path, connection)) in (0..).zip(&self.files) {
            let failed = |error: rusqlite::Error| explain("read from", path, shard, &error);
            let names = tables::names(connection).map_err(failed)?;
            let by_name =
                names.iter().map(|(name, is_documents)| (name.to_ascii_lowercase(), *is_documents)).collect();
            for (name, table) in schema::collections(connection).map_err(failed)? {
                let corrupt = |text: String| {
                    let error = Error::new(Code::Corrupt, text).at(path).in_shard(shard);
                    Err(error.in_collection(&name))
                };
                if !holds_documents(&table, &by_name) {
                    return corrupt(format!(
                        "'{}' keeps the collection '{name}' in '{table}', which is no table of documents: it lacks one of their \
                         columns, its ids may repeat or be no texts, or another column needs a value; mend or rename it with any SQLite tool, or \
                         restore the file from a backup.",
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
        let registrar = Arc::clone(&shards[REGISTRAR as usize]);
        Ok((shards, Collections::new(tables, registrar)))
    }
}
