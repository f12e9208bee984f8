//! The face of the engine: one opener's handle on a database.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    Observer,
    blocking::flush_and_wait,
    core::Core,
    error::{Code, Error, Result},
    flush::Request,
    io,
    log::{Done, Until},
    opening::Engine,
    options::Options,
    progress::Tell,
    registry::{self, Entered, Slot},
    scan::{Scan, Texts},
    shard::{Rows, ShardId, Value, collection::Collection},
    stats::Stats,
};

/// A database, open. All methods may be called from any thread. Dropped: as closed, but errors are lost.
///
/// ```
/// # fn main() -> kimdb::Result<()> {
/// # let folder = tempfile::tempdir().expect("a folder");
/// use kimdb::{Database, Options};
/// let db = Database::open(Options::new(folder.path().join("app")), None)?;
/// let users = db.collection("users");
/// db.set(&users, "u001", br#"{"name":"Kim"}"#)?;
/// let mut text = Vec::new();
/// assert_eq!(db.get(&users, "u001", &mut text)?.map(|found| found.version), Some(1));
/// assert_eq!(text, br#"{"name":"Kim"}"#);
/// db.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Database {
    slot: Arc<Slot>,
    engine: Arc<Engine>,
    /// Among the openers.
    number: u64,
    closed: AtomicBool,
    /// Closed, and nobody waits for the reads that are open.
    pub(super) reads_given_up: Arc<AtomicBool>,
    recovered: u64,
}

/// A document that was found; its JSON text went to the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Document {
    /// Writes since it was created.
    pub version: u64,
    /// Whether its newest write is not in its shard yet.
    pub buffered: bool,
    /// Whether it came from the cache, because it had been read before.
    pub cached: bool,
}

impl Database {
    /// Opens the database, makes it if it does not exist, or joins the engine that this process already has for it.
    ///
    /// # Errors
    /// [`Code::Locked`], [`Code::ShardCount`], [`Code::WalMismatch`], [`Code::OptionConflict`], [`Code::Corrupt`],
    /// [`Code::DiskFull`], [`Code::Busy`], [`Code::Io`].
    pub fn open(options: Options, observer: Option<Arc<dyn Observer>>) -> Result<Database> {
        Database::open_telling(options, observer, &mut |_| {})
    }

    /// The same, and tells of what takes long. The database cannot be opened by who is told.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn open_telling(
        options: Options,
        observer: Option<Arc<dyn Observer>>,
        tell: Tell<'_>,
    ) -> Result<Database> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let Entered { slot, engine, is_first } = registry::enter(options.normalised(), tell)?;
        engine.core.openers.lock().enter(number, observer);
        let recovered = if is_first { engine.core.counters.recovered.load(Ordering::Relaxed) } else { 0 };
        engine.take_damage().iter().for_each(|damage| engine.core.report(damage));
        let (closed, reads_given_up) = (AtomicBool::new(false), Arc::default());
        Ok(Database { slot, engine, number, closed, reads_given_up, recovered })
    }

    /// What may be asked after closing too.
    pub(super) fn engine_core(&self) -> &Core {
        &self.engine.core
    }

    pub(super) fn core(&self) -> Result<&Core> {
        self.shared_core().map(|core| &**core)
    }

    pub(super) fn shared_core(&self) -> Result<&Arc<Core>> {
        if self.closed.load(Ordering::Acquire) { Err(Error::closed()) } else { Ok(&self.engine.core) }
    }

    /// Number of writes that this opening recovered from the log.
    pub fn recovered(&self) -> u64 {
        self.recovered
    }

    /// The kinds of file system that hold the shards and the log, if their promises are not known to hold there.
    pub fn doubtful_file_system(&self) -> Option<(&Path, &'static str)> {
        let options = &self.engine.core.options;
        [&options.base, &options.wal_path].into_iter().find_map(|path| {
            let folder = path.parent().unwrap_or(Path::new("."));
            match io::kind_of_folder(folder) {
                io::FileSystemKind::Remote(name) => Some((folder, name)),
                _ => None,
            }
        })
    }

    /// The settings in force: those of the first opener.
    pub fn options(&self) -> &Options {
        &self.engine.core.options
    }

    /// The log file in use; `None` with `safe_mode: false`.
    pub fn wal_path(&self) -> Option<&Path> {
        self.engine.core.log.path()
    }

    /// A collection by name, for the calls below. Costs a lookup; keep it.
    pub fn collection(&self, name: &str) -> Arc<Collection> {
        self.engine.core.collections.get(name)
    }

    /// Names of the collections that have a table.
    pub fn collections(&self) -> Vec<String> {
        // Other processes may have made some.
        let _ = self.engine.core.collections.refresh();
        self.engine.core.collections.names()
    }

    /// Flushes, then reads the documents updated last, newest first, as JSON arrays. `done` is called from an engine thread, once
    /// the first of them is made.
    pub fn newest(
        &self,
        name: &str,
        limit: u64,
        done: impl FnOnce(Result<Texts>) + Send + 'static,
    ) -> Result<()> {
        self.core()?;
        let (collection, given_up) = (self.collection(name), Arc::clone(&self.reads_given_up));
        self.engine.scan(Scan::Newest { collection, limit, given_up, done: Box::new(done) })
    }

    /// Counts the documents in each shard, in the order of the shards, on a thread of its own: it reads an index of each
    /// table. `done` gets one JSON array.
    pub fn shard_rows(&self, done: impl FnOnce(Result<String>) + Send + 'static) -> Result<()> {
        self.core()?;
        self.engine.count(Box::new(done))
    }

    /// Calls `done` once everything written so far is in the shards and durable.
    pub fn flush(&self, done: Done) -> Result<()> {
        self.core()?;
        let core = Arc::clone(&self.engine.core);
        let request = |core: &Core, done| core.flush.request(Request::new(core.log.head(), done));
        let mut done = Some(done);
        let waits = self.engine.core.log.barrier(Until::Logged, || {
            let done = done.take().expect("called once");
            Box::new(move |logged| match logged {
                Ok(()) => request(&core, done),
                Err(error) => done(Err(error)),
            })
        });
        if let (false, Some(done)) = (waits, done) {
            request(&self.engine.core, done);
        }
        Ok(())
    }

    /// Blocks until everything written so far is in the shards and durable.
    pub fn flush_wait(&self) -> Result<()> {
        flush_and_wait(self.core()?)
    }

    /// Figures.
    pub fn stats(&self) -> Stats {
        self.engine.core.stats()
    }

    /// This opener's part of the memory that the engine takes, in bytes: it is divided among those who share it.
    pub fn memory(&self) -> usize {
        self.engine.core.share_of_memory()
    }

    /// Bytes in the read cache, the only part of the memory that grows while nothing is written.
    pub fn cache_bytes(&self) -> usize {
        self.engine.core.cache.bytes()
    }

    /// Counts reads that the program answered by itself, from documents that it keeps, as hits.
    pub fn count_hits(&self, hits: u64) {
        self.engine.core.counters.hits.fetch_add(hits, Ordering::Relaxed);
    }

    /// Forgets the documents read before.
    pub fn clear_cache(&self) {
        self.engine.core.cache.clear();
    }

    /// The shard that an id belongs to.
    pub fn shard_of(&self, id: &str) -> ShardId {
        self.engine.core.router.shard(id)
    }

    /// The file of a shard.
    pub fn shard_path(&self, shard: ShardId) -> Option<&Path> {
        self.engine.core.shards.get(shard as usize).map(|shard| shard.path())
    }

    /// Runs a read-only statement in a shard.
    pub fn shard_query(&self, shard: ShardId, sql: &str, params: &[Value]) -> Result<Rows> {
        self.shard(shard)?.query(sql, params, usize::MAX)
    }

    /// The same up to the first row.
    pub fn shard_query_first(&self, shard: ShardId, sql: &str, params: &[Value]) -> Result<Rows> {
        self.shard(shard)?.query(sql, params, 1)
    }

    /// Runs a pragma in a shard.
    pub fn shard_pragma(&self, shard: ShardId, text: &str) -> Result<Rows> {
        self.shard(shard)?.pragma(text)
    }

    fn shard(&self, shard: ShardId) -> Result<&dyn super::shard::Store> {
        let shards = &self.core()?.shards;
        let text = || format!("There is no shard {shard}; this database has {}.", shards.len());
        shards.get(shard as usize).map(|shard| &**shard).ok_or_else(|| Error::new(Code::Sql, text()))
    }

    /// Flushes everything and lets go; the last handle closes the files and leaves an empty log. Twice is fine.
    ///
    /// # Errors
    /// Why something could not be flushed. It stays in the log then, with `safe_mode`.
    pub fn close(&self) -> Result<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.reads_given_up.store(true, Ordering::Release);
        let flushed = flush_and_wait(&self.engine.core);
        self.engine.core.wait_for_durable();
        // Told last, so that this opener still hears of its own last flush.
        let left = registry::leave(&self.slot);
        self.engine.core.openers.lock().leave(self.number);
        flushed.and(left)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Errors were reported to observers as they happened.
        let _ = self.close();
    }
}
