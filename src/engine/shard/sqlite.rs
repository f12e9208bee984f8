//! A shard as a SQLite file.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use parking_lot::{Mutex, ReentrantMutex, ReentrantMutexGuard, RwLock};
use rusqlite::{Connection, config::DbConfig};

use super::{
    Batch, Recorded, ShardId, Store, Stored, Target,
    connection::{self, explain},
    memory::{InUse, moderated},
    mending::{Suspicion, Wal, find_wal, rewrite_wal},
    reader::Reader,
    schema,
    writer::Writer,
};
use crate::engine::{
    error::{Error, Result},
    io::{FileSystem, Identity, Looked, look_at_path},
    log::{Id, Lsn},
    stopwatch::Stopwatch,
};

#[derive(Debug)]
pub(super) struct SqliteShard {
    pub(super) path: PathBuf,
    pub(super) shard: ShardId,
    pub(super) files: Arc<dyn FileSystem>,
    pub(super) log: RwLock<Id>,
    pub(super) applied: AtomicU64,
    /// Device and number of the file, to notice when it is removed or replaced.
    pub(super) identity: Identity,
    /// The failure after which nothing tells any more whether the file holds what was written to it.
    pub(super) suspect: Mutex<Option<Suspicion>>,
    // Locked in this order where more than one is needed: whoever has the writer does not wait for the reader, which is held while the
    // shard is mended.
    /// Held by whoever uses a spare: as long as a connection is open, SQLite does not look anew at what the file holds.
    pub(super) guests: RwLock<()>,
    /// Reentrant, so that a shard can be completed while its readers wait.
    pub(super) reader: ReentrantMutex<RefCell<Option<Reader>>>,
    pub(super) writer: Mutex<Option<Writer>>,
    /// For scans and queries, so that a long one delays nobody's point reads.
    pub(super) spares: Mutex<Vec<connection::Guest>>,
    /// Held by who syncs it.
    pub(super) wal: Mutex<Wal>,
    /// How many commits there were, and how many of them are on the disk. The latter only changes under the lock before.
    pub(super) commits: AtomicU64,
    pub(super) synced: AtomicU64,
    /// Bytes of the file after the last checkpoint.
    pub(super) size: AtomicU64,
    /// The version of the file's schema when it was asked for its names last.
    pub(super) named_as_of: AtomicI64,
    pub(super) page_size: i64,
    pub(super) in_use: InUse,
    /// Whose the file says that it is.
    pub(super) owner: Option<schema::Owner>,
}

impl SqliteShard {
    /// Takes over an open writing connection whose own tables exist.
    pub(super) fn new(
        mut connection: Connection,
        path: PathBuf,
        shard: ShardId,
        log: Id,
        files: Arc<dyn FileSystem>,
    ) -> Result<Self> {
        let failed = |error: rusqlite::Error| explain("open", &path, shard, &error);
        let applied = schema::applied(&connection, &log).map_err(failed)?;
        let owner = schema::owner(&connection).map_err(failed)?;
        connection::wait_as_a_flush(&mut connection).map_err(failed)?;
        let page_size = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(failed)?;
        let shards = owner.map_or(1, |owner| owner.shards);
        let writer = Writer::new(moderated(connection, shards).map_err(failed)?, shards).map_err(failed)?;
        let Looked { identity, .. } =
            look_at_path(&path).map_err(|error| Error::io("look at", &path, &error).in_shard(shard))?;
        let reader =
            Reader::new(moderated(connection::reader(&path, shard)?, shards).map_err(failed)?, shards);
        Ok(SqliteShard {
            shard,
            log: RwLock::new(log),
            applied: AtomicU64::new(applied.0),
            identity,
            suspect: Mutex::default(),
            writer: Mutex::new(Some(writer)),
            reader: ReentrantMutex::new(RefCell::new(Some(reader))),
            spares: Mutex::default(),
            guests: RwLock::new(()),
            wal: Mutex::new(find_wal(&*files, &path, shard)?),
            // For what is there already.
            commits: AtomicU64::new(1),
            synced: AtomicU64::new(0),
            size: AtomicU64::new(0),
            named_as_of: AtomicI64::new(-1),
            page_size,
            in_use: InUse::default(),
            owner,
            files,
            path,
        })
    }

    pub(super) fn explain(&self, doing: &str, error: &rusqlite::Error) -> Error {
        explain(doing, &self.path, self.shard, error)
    }

    /// Something was committed, for the next sync to bring to the disk.
    ///
    /// IMPORTANT: called behind each commit, and before anybody is told of it.
    pub(super) fn note_commit(&self) {
        self.commits.fetch_add(1, Ordering::Release);
    }

    pub(super) fn end_snapshot(&self) {
        if let Some(reader) = self.reader.lock().borrow_mut().as_mut() {
            reader.end();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.reader.lock().borrow().is_none()
    }
}

impl Target for SqliteShard {
    fn apply(&self, batch: &Batch<'_>) -> Result<()> {
        {
            let mut writer = self.writer.lock();
            let writer = writer.as_mut().ok_or_else(|| self.gone())?;
            self.check_file(true)?;
            writer.apply(batch).map_err(|error| self.explain("write to", &error))?;
            // From here on others may give back its space in the log, after a sync.
            self.note_commit();
            self.applied.store(batch.end.0, Ordering::Release);
        }
        self.end_snapshot();
        Ok(())
    }

    fn applied(&self) -> Lsn {
        Lsn(self.applied.load(Ordering::Acquire))
    }

    fn has_side(&self, side: Id) -> Result<bool> {
        let writer = self.writer.lock();
        let connection = &writer.as_ref().ok_or_else(Error::closed)?.connection;
        let applied =
            schema::applied(connection, &side).map_err(|error| self.explain("read from", &error))?;
        Ok(applied > Lsn(0))
    }
}

impl Store for SqliteShard {
    fn read(&self, table: &str, id: &str, value: &mut Vec<u8>, gives_way: bool) -> Result<Stored> {
        let reader = self.reader.try_lock().unwrap_or_else(|| {
            let reader = self.reader.lock();
            Stopwatch::forget();
            reader
        });
        let read = match reader.borrow_mut().as_mut() {
            None => Err(self.gone()),
            Some(reader) => reader
                .read(&self.log.read(), table, id, value)
                .map_err(|error| self.explain("read from", &error)),
        };
        if gives_way {
            // IMPORTANT: else a thread that goes through a list would have the lock again before an event loop that waits for it wakes up.
            ReentrantMutexGuard::unlock_fair(reader);
        }
        read
    }

    fn pages_read(&self) -> Option<u64> {
        self.reader.try_lock()?.borrow().as_ref().map(Reader::pages_read)
    }

    fn sample(&self) {
        if let Some(reader) = &*self.reader.lock().borrow() {
            reader.sample();
        }
    }

    fn has_outside_changes(&self) -> bool {
        let has = self.writer.try_lock().is_some_and(|mut writer| {
            // What fails here fails in the next read or write too, and that one tells.
            writer.as_mut().is_some_and(|writer| writer.has_outside_changes().unwrap_or(false))
        });
        if has {
            self.end_snapshot();
        } else if let Some(reader) = self.reader.try_lock()
            && let Some(reader) = reader.borrow_mut().as_mut()
        {
            // One that was begun in the middle of another process's checkpoint keeps its log from beginning anew.
            reader.end();
        }
        has
    }

    fn record(&self, wishes: &[(String, String)]) -> Result<Recorded> {
        let recorded = {
            let mut writer = self.writer.lock();
            let writer = writer.as_mut().ok_or_else(|| self.gone())?;
            // Also while it is mended: what it lost may be of a collection that is not on record yet.
            self.check_file(true)?;
            let recorded = writer.record(wishes).map_err(|error| self.explain("write to", &error));
            self.note_commit();
            recorded
        };
        self.end_snapshot();
        recorded
    }

    fn recorded(&self, known: usize) -> Result<Option<Vec<(String, String)>>> {
        self.with_spare(|connection| {
            let failed = |error: rusqlite::Error| self.explain("read from", &error);
            if schema::count_collections(connection).map_err(failed)? == known {
                return Ok(None);
            }
            schema::collections(connection).map(Some).map_err(failed)
        })
    }

    fn sync(&self) -> Result<()> {
        self.check_file(false)?;
        self.sync_wal(false)
    }

    fn sync_anew(&self) -> Result<()> {
        let writer = self.writer.lock();
        let connection = &writer.as_ref().ok_or_else(|| self.gone())?.connection;
        self.check_file(false)?;
        rewrite_wal(&*self.files, connection, &self.path, self.shard)
    }

    fn is_suspect(&self) -> bool {
        self.suspect.lock().is_some()
    }

    fn reopen(&self, complete: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.mend(complete)
    }

    fn checkpoint(&self, always: bool) -> Result<()> {
        self.move_log(always)
    }

    fn check_named(&self) -> Result<()> {
        self.check_its_name()
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn memory(&self) -> usize {
        self.bytes_in_use()
    }

    fn close(&self, is_last: bool) -> Result<()> {
        let checkpointed = if self.is_closed() { Ok(()) } else { self.checkpoint(is_last) };
        let writer = self.writer.lock().take();
        if let Some(writer) = writer.as_ref().filter(|_| self.is_suspect()) {
            // What may be lost must not get into the database file. Where this fails, nothing worse can happen than that.
            let _ = writer.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
        self.reader.lock().borrow_mut().take();
        self.spares.lock().clear();
        self.wal.lock().take();
        drop(writer);
        checkpointed
    }
}
