//! A shard as a SQLite file.

use std::{
    cell::RefCell,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::{Mutex, ReentrantMutex, RwLock};
use rusqlite::{Connection, ErrorCode, PrepFlags, config::DbConfig, types::Value};

use super::{
    Batch, Rows, Scanned, ShardId, Store, Stored,
    connection::{self, explain},
    reader::Reader,
    schema,
    writer::Writer,
};
use crate::engine::{
    error::{Code, Error, Result},
    io::{File, FileSystem, rewrite},
    log::{Id, Lsn},
};

/// Pages of SQLite's own log at which a flush moves them into the database file (16 MiB).
const CHECKPOINT_PAGES: i64 = 4096;

/// Connections for scans and queries that are kept open.
const KEPT_SPARES: usize = 2;

#[derive(Debug)]
pub(super) struct SqliteShard {
    path: PathBuf,
    shard: ShardId,
    files: Arc<dyn FileSystem>,
    log: RwLock<Id>,
    applied: AtomicU64,
    /// Device and number of the file, to notice when it is removed or replaced.
    identity: FileIdentity,
    /// The failure after which nothing tells any more whether the file holds what was written to it.
    suspect: Mutex<Option<Suspicion>>,
    // Locked in this order where more than one is needed.
    writer: Mutex<Option<Writer>>,
    /// Reentrant, so that a shard can be completed while its readers wait.
    reader: ReentrantMutex<RefCell<Option<Reader>>>,
    /// For scans and queries, so that a long one delays nobody's point reads.
    spares: Mutex<Vec<Connection>>,
    /// Held by whoever uses a spare: as long as a connection is open, SQLite does not look anew at what the file holds.
    guests: RwLock<()>,
    /// Bytes of the file after the last checkpoint. It only grows.
    size: AtomicU64,
    /// Whose the file says that it is.
    owner: Option<schema::Identity>,
}

#[derive(Debug)]
struct Suspicion {
    error: Error,
    /// It was reopened, and is being completed.
    is_mending: bool,
}

/// SQLite's log beside a shard file.
fn wal_path(shard: &Path) -> PathBuf {
    let mut name = shard.as_os_str().to_owned();
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
    connection.execute_batch("ROLLBACK").map_err(failed)?;
    rewritten
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
    /// Takes over an open writing connection whose own tables exist.
    pub(super) fn new(
        connection: Connection,
        path: PathBuf,
        shard: ShardId,
        log: Id,
        files: Arc<dyn FileSystem>,
    ) -> Result<Self> {
        let failed = |error: rusqlite::Error| explain("open", &path, shard, &error);
        let applied = schema::applied(&connection, &log).map_err(failed)?;
        let owner = schema::identity(&connection).map_err(failed)?;
        connection.busy_timeout(connection::BUSY_IN_FLUSH).map_err(failed)?;
        let writer = Writer::new(connection).map_err(failed)?;
        let (identity, _) =
            file_identity(&path).map_err(|error| Error::io("look at", &path, &error).in_shard(shard))?;
        let reader = Reader::new(connection::reader(&path, shard)?);
        Ok(SqliteShard {
            shard,
            files,
            log: RwLock::new(log),
            applied: AtomicU64::new(applied.0),
            identity,
            suspect: Mutex::default(),
            writer: Mutex::new(Some(writer)),
            reader: ReentrantMutex::new(RefCell::new(Some(reader))),
            spares: Mutex::default(),
            guests: RwLock::new(()),
            size: AtomicU64::new(0),
            owner,
            path,
        })
    }

    fn explain(&self, doing: &str, error: &rusqlite::Error) -> Error {
        explain(doing, &self.path, self.shard, error)
    }

    /// Fails if what is written no longer reaches the named file, or may have been lost on the way.
    fn check_file(&self, while_mending: bool) -> Result<()> {
        self.check_suspicion(while_mending)?;
        self.check_named()?;
        match file_identity(&self.path) {
            Ok((_, size)) if size < self.size.load(Ordering::Acquire) => {
                let text = format!(
                    "The shard file '{}' was cut off while it was open; restore it from a backup.",
                    self.path.display()
                );
                Err(self.suspect(Error::new(Code::Corrupt, text).at(&self.path).in_shard(self.shard)))
            }
            _ => Ok(()),
        }
    }

    fn check_suspicion(&self, while_mending: bool) -> Result<()> {
        match &*self.suspect.lock() {
            Some(suspicion) if !(suspicion.is_mending && while_mending) => Err(suspicion.error.clone()),
            _ => Ok(()),
        }
    }

    /// Fails if the named file is not the one that is open.
    fn check_named(&self) -> Result<()> {
        match file_identity(&self.path) {
            Ok((found, _)) if found == self.identity => Ok(()),
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
    fn suspect(&self, error: Error) -> Error {
        // The first failure is the one to tell.
        let suspicion = || Suspicion { error: error.clone(), is_mending: false };
        self.suspect.lock().get_or_insert_with(suspicion);
        error
    }

    /// As [`Self::suspect`], if a checkpoint failed in a way that may have been a sync.
    fn note_loss(&self, error: Error) -> Error {
        if error.code() == Code::Io { self.suspect(error) } else { error }
    }

    fn end_snapshot(&self) {
        if let Some(reader) = self.reader.lock().borrow_mut().as_mut() {
            reader.end();
        }
    }

    /// Why there is no connection.
    fn gone(&self) -> Error {
        let suspect = self.suspect.lock();
        suspect.as_ref().map_or_else(Error::closed, |suspicion| suspicion.error.clone())
    }

    fn sync_wal(&self) -> Result<()> {
        let path = wal_path(&self.path);
        let Some(file) = open_wal(&*self.files, &self.path, self.shard)? else {
            // It is there as long as the file is open, unless somebody takes it away.
            let text = format!(
                "'{}' was removed while it was open; keep other programs away from it.",
                path.display()
            );
            return Err(self.suspect(Error::new(Code::Io, text).at(&path).in_shard(self.shard)));
        };
        file.sync().map_err(|error| self.suspect(Error::io("sync", &path, &error).in_shard(self.shard)))
    }

    /// Replaces the connections by new ones, whose view of the file is what the file holds.
    fn reconnect(&self) -> Result<()> {
        let failed = |error: rusqlite::Error| self.explain("open", &error);
        let mut writer = self.writer.lock();
        let reader = self.reader.lock();
        self.check_named()?;
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
        let connection = connection::writer(&self.path, self.shard)?;
        connection.busy_timeout(connection::BUSY_IN_FLUSH).map_err(failed)?;
        if schema::identity(&connection).map_err(failed)? != self.owner {
            let text = format!(
                "'{}' is not the shard that it was; put the right file back or restore a backup.",
                self.path.display()
            );
            return Err(Error::new(Code::Corrupt, text).at(&self.path).in_shard(self.shard));
        }
        let applied = schema::applied(&connection, &self.log.read()).map_err(failed)?;
        *writer = Some(Writer::new(connection).map_err(failed)?);
        self.size.store(0, Ordering::Release);
        self.applied.store(applied.0, Ordering::Release);
        Ok(())
    }

    fn with_spare<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        if self.is_closed() {
            return Err(self.gone());
        }
        let _guest = self.guests.read();
        let spare = self.spares.lock().pop();
        let spare = match spare {
            Some(spare) => spare,
            None => connection::guest(&self.path, self.shard)?,
        };
        let result = work(&spare);
        let mut spares = self.spares.lock();
        if spares.len() < KEPT_SPARES && !self.is_closed() {
            spares.push(spare);
        }
        result
    }

    fn is_closed(&self) -> bool {
        self.reader.lock().borrow().is_none()
    }

    fn run(&self, connection: &Connection, sql: &str, params: &[Value]) -> Result<Rows> {
        let bad = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly | ErrorCode::AuthorizationForStatementDenied) => {
                Error::new(Code::Sql, "Shard handles only read; change documents through set() and delete().")
                    .in_shard(self.shard)
            }
            Some(ErrorCode::Unknown) | None => {
                Error::new(Code::Sql, format!("The statement did not run: {error}.")).in_shard(self.shard)
            }
            Some(_) => self.explain("query", &error),
        };
        let mut statement = connection.prepare(sql).map_err(bad)?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut cursor = statement.query(rusqlite::params_from_iter(params)).map_err(bad)?;
        let mut rows = Vec::new();
        while let Some(row) = cursor.next().map_err(bad)? {
            let values = (0..columns.len()).map(|column| row.get(column));
            rows.push(values.collect::<rusqlite::Result<_>>().map_err(bad)?);
        }
        Ok(Rows { columns, rows })
    }
}

impl Store for SqliteShard {
    fn apply(&self, batch: &Batch<'_>) -> Result<()> {
        let mut writer = self.writer.lock();
        let writer = writer.as_mut().ok_or_else(|| self.gone())?;
        self.check_file(true)?;
        writer.apply(batch).map_err(|error| self.explain("write to", &error))?;
        self.applied.store(batch.end.0, Ordering::Release);
        self.end_snapshot();
        Ok(())
    }

    fn read(&self, table: &str, id: &str, value: &mut Vec<u8>) -> Result<Stored> {
        let reader = self.reader.lock();
        let mut reader = reader.borrow_mut();
        let reader = reader.as_mut().ok_or_else(|| self.gone())?;
        reader.read(&self.log.read(), table, id, value).map_err(|error| self.explain("read from", &error))
    }

    fn newest(&self, table: &str, limit: u64) -> Result<Vec<Scanned>> {
        self.with_spare(|connection| {
            let scan = || -> rusqlite::Result<Vec<Scanned>> {
                let sql = format!(
                    "SELECT id, CAST(data AS BLOB), _version, coalesce(updated_at, '') FROM {}
                     ORDER BY 4 DESC, id DESC LIMIT ?",
                    schema::quote(table)
                );
                // A name that no table of the file has must not be one of SQLite's own, such as "dbstat".
                let mut statement = connection.prepare_with_flags(&sql, PrepFlags::SQLITE_PREPARE_NO_VTAB)?;
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let rows = statement.query_map([limit], |row| {
                    let value: Vec<u8> = row.get(1)?;
                    Ok(Scanned {
                        id: row.get(0)?,
                        value: String::from_utf8_lossy(&value).into_owned(),
                        version: row.get::<_, i64>(2)? as u64,
                        updated: row.get(3)?,
                    })
                })?;
                rows.collect()
            };
            match scan() {
                Err(error) if schema::is_no_table(&error) => Ok(Vec::new()),
                scanned => scanned.map_err(|error| self.explain("read from", &error)),
            }
        })
    }

    fn follow(&self, log: Id) -> Result<()> {
        let writer = self.writer.lock();
        let connection = &writer.as_ref().ok_or_else(Error::closed)?.connection;
        let applied = schema::applied(connection, &log).map_err(|error| self.explain("read from", &error))?;
        *self.log.write() = log;
        self.applied.store(applied.0, Ordering::Release);
        self.end_snapshot();
        Ok(())
    }

    fn remember_log(&self, base: &Path, log: &Path) -> Result<()> {
        {
            let writer = self.writer.lock();
            let connection = &writer.as_ref().ok_or_else(|| self.gone())?.connection;
            let failed = |error: rusqlite::Error| self.explain("write to", &error);
            // A name that is no text is not remembered.
            let Some((base, log)) = base.to_str().zip(log.to_str()) else { return Ok(()) };
            let known = schema::places(connection).map_err(failed)?;
            if known.is_some_and(|known| (known.0.as_str(), known.1.as_str()) == (base, log)) {
                return Ok(());
            }
            schema::set_places(connection, base, log).map_err(failed)?;
        }
        self.end_snapshot();
        self.sync()
    }

    fn forget_other_logs(&self) -> Result<()> {
        let writer = self.writer.lock();
        let connection = &writer.as_ref().ok_or_else(Error::closed)?.connection;
        let log = *self.log.read();
        schema::forget_other_logs(connection, &log).map_err(|error| self.explain("write to", &error))
    }

    fn has_side(&self, side: Id) -> Result<bool> {
        let writer = self.writer.lock();
        let connection = &writer.as_ref().ok_or_else(Error::closed)?.connection;
        let applied =
            schema::applied(connection, &side).map_err(|error| self.explain("read from", &error))?;
        Ok(applied > Lsn(0))
    }

    fn applied(&self) -> Lsn {
        Lsn(self.applied.load(Ordering::Acquire))
    }

    fn sync(&self) -> Result<()> {
        self.check_file(false)?;
        self.sync_wal()
    }

    fn is_suspect(&self) -> bool {
        self.suspect.lock().is_some()
    }

    fn reopen(&self, complete: &mut dyn FnMut() -> Result<()>) -> Result<()> {
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
        let completed = complete().and_then(|()| self.sync_wal());
        mending(false);
        completed?;
        let reader = Reader::new(connection::reader(&self.path, self.shard)?);
        *readers.borrow_mut() = Some(reader);
        *self.suspect.lock() = None;
        Ok(())
    }

    fn checkpoint(&self, always: bool) -> Result<()> {
        self.check_suspicion(false)?;
        self.end_snapshot();
        let writer = self.writer.lock();
        let connection = &writer.as_ref().ok_or_else(|| self.gone())?.connection;
        let run = |mode: &str| -> rusqlite::Result<i64> {
            connection
                .prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?
                .query_row([], |row| row.get(1))
        };
        let result = if always {
            run("TRUNCATE").map(|_| ())
        } else {
            run("NOOP")
                .and_then(|pages| if pages < CHECKPOINT_PAGES { Ok(0) } else { run("PASSIVE") })
                .map(|_| ())
        };
        result.map_err(|error| self.note_loss(self.explain("checkpoint", &error)))?;
        if let Ok((_, size)) = file_identity(&self.path) {
            self.size.store(size, Ordering::Release);
        }
        Ok(())
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Rows> {
        self.with_spare(|connection| self.run(connection, sql, params))
    }

    fn pragma(&self, text: &str) -> Result<Rows> {
        let sql = format!("PRAGMA {text}");
        if !is_checkpoint(text) {
            return self.query(&sql, &[]);
        }
        self.check_suspicion(false)?;
        self.end_snapshot();
        let writer = self.writer.lock();
        let result = self.run(&writer.as_ref().ok_or_else(|| self.gone())?.connection, &sql, &[]);
        result.map_err(|error| self.note_loss(error))
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn close(&self) -> Result<()> {
        let checkpointed = if self.is_closed() { Ok(()) } else { self.checkpoint(true) };
        let writer = self.writer.lock().take();
        if let Some(writer) = writer.as_ref().filter(|_| self.is_suspect()) {
            // What may be lost must not get into the database file. Where this fails, nothing worse can happen than that.
            let _ = writer.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
        self.reader.lock().borrow_mut().take();
        self.spares.lock().clear();
        drop(writer);
        checkpointed
    }
}

/// Whether a pragma is `wal_checkpoint`, alone or with one word as its argument.
fn is_checkpoint(pragma: &str) -> bool {
    let text = pragma.trim().to_ascii_lowercase();
    let Some(argument) = text.strip_prefix("wal_checkpoint") else { return false };
    argument.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '(' | ')' | '=' | ' '))
}

#[cfg(unix)]
type FileIdentity = (u64, u64);

/// Which file that is, and how long.
#[cfg(unix)]
fn file_identity(path: &Path) -> io::Result<(FileIdentity, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map(|found| ((found.dev(), found.ino()), found.len()))
}

/// An open file can be neither removed nor replaced there.
#[cfg(not(unix))]
type FileIdentity = ();

#[cfg(not(unix))]
fn file_identity(path: &Path) -> io::Result<(FileIdentity, u64)> {
    std::fs::metadata(path).map(|found| ((), found.len()))
}
