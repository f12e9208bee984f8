//! What a shard does when its disk fails, or its files are taken away.
//!
//! After a failed sync nothing that the operating system says of the file is believed: the shard is suspect. It is mended by
//! writing SQLite's log over itself, opening the file anew, and applying again what it lost.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use rusqlite::{Connection, config::DbConfig};

use super::{
    ShardId,
    connection::{self, explain},
    reader::Reader,
    schema,
    sqlite::SqliteShard,
    writer::Writer,
};
use crate::engine::{
    error::{Code, Error, Result},
    io::{File, FileSystem, Identity, Looked, look_at_file, look_at_path, rewrite},
};

#[derive(Debug)]
pub(super) struct Suspicion {
    pub(super) error: Error,
    /// It was reopened, and is being completed.
    pub(super) is_mending: bool,
}

/// SQLite's log, as its syncs use it.
pub(super) type Wal = Option<(Identity, Arc<dyn File>)>;

/// SQLite's log beside a shard file, or beside the file that a link leads to.
fn wal_path(shard: &Path) -> PathBuf {
    let file = if shard.is_symlink() { shard.canonicalize().ok() } else { None };
    let mut name = file.unwrap_or_else(|| shard.to_owned()).into_os_string();
    name.push("-wal");
    name.into()
}

/// Writes SQLite's log over itself and makes it durable. After a failed sync the kernel may call lost pages clean, and
/// whoever opens the file next reads them all the same and is not told; written again they are synced in truth.
pub(super) fn rewrite_wal(
    files: &dyn FileSystem,
    connection: &Connection,
    shard_path: &Path,
    shard: ShardId,
) -> Result<()> {
    let failed = |error: rusqlite::Error| explain("write to", shard_path, shard, &error);
    let path = wal_path(shard_path);
    let Some(file) = open_wal(files, shard_path, shard)? else { return Ok(()) };
    if file.handle().metadata().is_ok_and(|found| found.len() == 0) {
        return Ok(());
    }
    // Nobody else may write to it meanwhile.
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    let rewritten = rewrite(&*file, 0..u64::MAX)
        .and_then(|()| file.sync())
        .map_err(|error| Error::io("write", &path, &error).in_shard(shard));
    if rewritten.is_err() {
        // What may be lost must not get into the database file. Where this fails, nothing worse can happen than that.
        let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
    connection.execute_batch("ROLLBACK").map_err(failed)?;
    rewritten
}

/// SQLite's log of a shard that was just opened.
pub(super) fn find_wal(files: &dyn FileSystem, shard_path: &Path, shard: ShardId) -> Result<Wal> {
    let Some(file) = open_wal(files, shard_path, shard)? else { return Ok(None) };
    let failed = |error| Error::io("look at", &wal_path(shard_path), &error).in_shard(shard);
    let Looked { identity, .. } = look_at_file(file.handle()).map_err(failed)?;
    Ok(Some((identity, file)))
}

/// SQLite's log. `None`: everything is in the database file, which the checkpoint that emptied the log has synced.
fn open_wal(files: &dyn FileSystem, shard_path: &Path, shard: ShardId) -> Result<Option<Arc<dyn File>>> {
    let path = wal_path(shard_path);
    // NOTE: SQLite's locks are on other files, so closing this handle does not drop them.
    match files.open(&path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("open", &path, &error).in_shard(shard)),
    }
}

impl SqliteShard {
    /// Fails if what is written no longer reaches the named file, or may have been lost on the way.
    pub(super) fn check_file(&self, while_mending: bool) -> Result<()> {
        self.check_suspicion(while_mending)?;
        self.check_its_name()?;
        match look_at_path(&self.path) {
            Ok(Looked { size, .. }) if size < self.size.load(Ordering::Acquire) => {
                let text = format!(
                    "The shard file '{}' was cut off while it was open; restore it from a backup.",
                    self.path.display()
                );
                Err(self.suspect(Error::new(Code::Corrupt, text).at(&self.path).in_shard(self.shard)))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_suspicion(&self, while_mending: bool) -> Result<()> {
        match &*self.suspect.lock() {
            Some(suspicion) if !(suspicion.is_mending && while_mending) => Err(suspicion.error.clone()),
            _ => Ok(()),
        }
    }

    /// Fails if the named file is not the one that is open.
    pub(super) fn check_its_name(&self) -> Result<()> {
        match look_at_path(&self.path) {
            Ok(Looked { identity, .. }) if identity == self.identity => Ok(()),
            _ => {
                let text = format!(
                    "The shard file '{}' was removed or replaced while it was open; put it back and open the \
                     database again.",
                    self.path.display()
                );
                Err(Error::new(Code::Io, text).at(&self.path).in_shard(self.shard))
            }
        }
    }

    /// Remembers a failure of the disk: the kernel reports such a loss once, so a later success proves nothing.
    pub(super) fn suspect(&self, error: Error) -> Error {
        // The first failure is the one to tell.
        let suspicion = || Suspicion { error: error.clone(), is_mending: false };
        self.suspect.lock().get_or_insert_with(suspicion);
        error
    }

    /// As [`Self::suspect`], if a checkpoint failed in a way that may have been a sync.
    pub(super) fn note_loss(&self, error: Error) -> Error {
        if error.code() == Code::Io { self.suspect(error) } else { error }
    }

    /// Why there is no connection.
    pub(super) fn gone(&self) -> Error {
        let suspect = self.suspect.lock();
        suspect.as_ref().map_or_else(Error::closed, |suspicion| suspicion.error.clone())
    }

    /// IMPORTANT: by one handle, and one after the other. The system tells each handle of a loss, once; one that is opened afterwards is
    /// not told of what others know, such as another process that has the database open.
    pub(super) fn sync_wal(&self, while_mending: bool) -> Result<()> {
        let mut wal = self.wal.lock();
        self.check_suspicion(while_mending)?;
        let path = wal_path(&self.path);
        let failed = |doing, error| Error::io(doing, &path, &error).in_shard(self.shard);
        let named = match look_at_path(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // It is there as long as the file is open, unless somebody takes it away.
                let text = format!(
                    "'{}' was removed while it was open; keep other programs away from it.",
                    path.display()
                );
                return Err(self.suspect(Error::new(Code::Io, text).at(&path).in_shard(self.shard)));
            }
            named => named.map_err(|error| failed("look at", error))?.identity,
        };
        let is_other = wal.as_ref().is_none_or(|(identity, _)| *identity != named);
        if is_other {
            *wal = Some((named, self.files.open(&path).map_err(|error| failed("open", error))?));
        }
        // IMPORTANT: under the lock, so that nobody takes for done what another one is at.
        let commits = self.commits.load(Ordering::Acquire);
        if is_other || self.synced.load(Ordering::Relaxed) != commits {
            let (_, file) = wal.as_ref().expect("it was just opened");
            file.sync().map_err(|error| self.suspect(failed("sync", error)))?;
            self.synced.store(commits, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Replaces the connections by new ones, whose view of the file is what the file holds.
    fn reconnect(&self) -> Result<()> {
        let failed = |error: rusqlite::Error| self.explain("open", &error);
        let reader = self.reader.lock();
        let mut writer = self.writer.lock();
        self.check_its_name()?;
        if let Some(old) = &*writer {
            if open_wal(&*self.files, &self.path, self.shard)?.is_none() {
                // Nobody else finds what is in it, so it is brought to where they do.
                let bring = "PRAGMA wal_checkpoint(TRUNCATE)";
                old.connection.query_row(bring, [], |_| Ok(())).map_err(failed)?;
            }
            rewrite_wal(&*self.files, &old.connection, &self.path, self.shard)?;
            // A checkpoint on closing would bring what may be lost into the database file.
            old.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
        }
        reader.borrow_mut().take();
        self.spares.lock().clear();
        writer.take();
        // What its handle may still have to tell was written again.
        self.wal.lock().take();
        self.note_commit();
        let mut connection = self.moderated(connection::writer(&self.path, self.shard)?)?;
        connection::wait_as_a_flush(&mut connection).map_err(failed)?;
        if schema::owner(&connection).map_err(failed)? != self.owner {
            let text = format!(
                "'{}' is not the shard that it was; put the right file back or restore a backup.",
                self.path.display()
            );
            return Err(Error::new(Code::Corrupt, text).at(&self.path).in_shard(self.shard));
        }
        let applied = schema::applied(&connection, &self.log.read()).map_err(failed)?;
        *writer = Some(Writer::new(connection, self.shards()).map_err(failed)?);
        self.size.store(0, Ordering::Release);
        self.applied.store(applied.0, Ordering::Release);
        Ok(())
    }

    /// See [`super::Store::reopen`].
    pub(super) fn mend(&self, complete: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        // IMPORTANT: readers wait until the shard has again all that they saw of it, and syncs fail until that is on the
        // disk, so that no log space is given back for it.
        let _alone = self.guests.write();
        let readers = self.reader.lock();
        self.reconnect()?;
        let mending = |on: bool| {
            if let Some(suspicion) = &mut *self.suspect.lock() {
                suspicion.is_mending = on;
            }
        };
        mending(true);
        let completed = complete().and_then(|()| self.sync_wal(true));
        mending(false);
        completed?;
        let reader = Reader::new(self.moderated(connection::reader(&self.path, self.shard)?)?, self.shards());
        *readers.borrow_mut() = Some(reader);
        *self.suspect.lock() = None;
        Ok(())
    }
}
