//! Settings of a database.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    io::{Disk, FileSystem, with_suffix},
    shard::Former,
};

/// How the log's file is written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// As suits the file system.
    #[default]
    Auto,
    /// Through a mapping: the fastest. The file system must overwrite in place.
    Mmap,
    /// With a system call for each write.
    Pwrite,
}

/// How a database is opened. JavaScript has checked the ranges; [`Options::new`] gives the documented defaults.
#[derive(Debug, Clone)]
pub struct Options {
    /// Common part of the file names: `dbPath` without `.db`. Absolute.
    pub base: PathBuf,
    /// Number of shard files. Default 8.
    pub shard_count: u32,
    /// Whether nobody asked for that very number, so that the data's own is used. Otherwise documents are moved to so many
    /// shards. Default true.
    pub shard_count_is_default: bool,
    /// Where kimdb 7 kept the shards of this database, if not where they are now. Default: nowhere.
    pub former: Option<Former>,
    /// Whether no other process may have the database open at the same time. Default false.
    pub exclusive: bool,
    /// Buffered writes that start a flush at once. Default 10,000.
    pub buffer_size: u64,
    /// Time after which buffered writes are flushed and the log is synced, in milliseconds. Default 100.
    pub flush_interval_ms: u64,
    /// Operations of one shard transaction; 0: the engine chooses. Default 0.
    pub batch_size: usize,
    /// Whether writes are logged in a file before they return. Default true.
    pub safe_mode: bool,
    /// The log file. Absolute.
    pub wal_path: PathBuf,
    /// Whether nobody asked for that very file, so that another may be used if it is another database's.
    pub wal_path_is_default: bool,
    /// Bytes of the log's ring, and so of the buffer. Default 64 MiB.
    pub wal_size: u64,
    /// How the log's file is written. Default [`Backend::Auto`].
    pub wal_backend: Backend,
    /// Bytes of the read cache. Default 64 MiB.
    pub cache_bytes: usize,
    /// How long a write waits for room in the log while no shard takes anything, in milliseconds. Default 30,000.
    pub write_timeout_ms: u64,
    /// Where log and shards are. Default [`Disk`]. SQLite goes its own way to the shards, the VFS.
    pub files: Arc<dyn FileSystem>,
}

/// The log of the database with this `base`, beside it.
pub(crate) fn log_beside(base: &Path) -> PathBuf {
    with_suffix(base, ".wal")
}

impl Options {
    /// The defaults for the database with this `base`, its log beside it.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        let base = base.into();
        let wal_path = log_beside(&base);
        Options {
            base,
            shard_count: 8,
            shard_count_is_default: true,
            former: None,
            exclusive: false,
            buffer_size: 10_000,
            flush_interval_ms: 100,
            batch_size: 0,
            safe_mode: true,
            wal_path,
            wal_path_is_default: true,
            wal_size: 64 << 20,
            wal_backend: Backend::Auto,
            cache_bytes: 64 << 20,
            write_timeout_ms: 30_000,
            files: Arc::new(Disk),
        }
    }

    /// The same with the log's size rounded up to whole pages.
    pub(crate) fn normalised(mut self) -> Self {
        self.wal_size = self.wal_size.max(1).next_multiple_of(4096);
        self
    }

    pub(crate) fn flush_interval(&self) -> Duration {
        Duration::from_millis(self.flush_interval_ms)
    }

    /// The log that this database uses where the default one is another's.
    pub(crate) fn own_wal_path(&self) -> PathBuf {
        log_beside(&self.base)
    }
}
