//! The settings of a database, as JavaScript gives and gets them.

use std::path::PathBuf;

use napi_derive::napi;

use crate::engine::{Backend, Database, Former, Options};

/// Settings, checked and completed by `lib/options.js`.
#[napi(object)]
#[derive(Debug, Clone)]
pub struct NativeOptions {
    /// Absolute path whose name without `.db` begins the names of the shard files.
    pub db_path: String,
    /// Number of shards.
    pub shard_count: u32,
    /// Whether the number that the data has is used instead.
    pub shard_count_is_default: bool,
    /// Where kimdb 7 kept the shards, if elsewhere: one path for all, or what stands before and after their numbers.
    pub former: Option<Vec<String>>,
    /// Whether no other process may have it open.
    pub exclusive: bool,
    /// Writes that start a flush.
    pub buffer_size: f64,
    /// Milliseconds.
    pub flush_interval: f64,
    /// Operations of a transaction; 0: as the engine likes.
    pub batch_size: f64,
    /// Whether there is a log file.
    pub safe_mode: bool,
    /// Absolute path of the log.
    pub wal_path: String,
    /// Whether another log may be used if this one is another database's.
    pub wal_path_is_default: bool,
    /// Bytes.
    pub wal_size: f64,
    /// 'auto', 'mmap' or 'pwrite'.
    pub wal_backend: String,
    /// Bytes.
    pub cache_bytes: f64,
    /// Milliseconds.
    pub write_timeout: f64,
}

impl From<&NativeOptions> for Options {
    fn from(given: &NativeOptions) -> Self {
        let base = base_of(&given.db_path);
        Options {
            base: base.clone(),
            shard_count: given.shard_count,
            shard_count_is_default: given.shard_count_is_default,
            former: given.former.as_deref().and_then(former),
            exclusive: given.exclusive,
            buffer_size: given.buffer_size as u64,
            flush_interval_ms: given.flush_interval as u64,
            batch_size: given.batch_size as usize,
            safe_mode: given.safe_mode,
            wal_path: PathBuf::from(&given.wal_path),
            wal_path_is_default: given.wal_path_is_default,
            wal_size: given.wal_size as u64,
            wal_backend: match given.wal_backend.as_str() {
                "mmap" => Backend::Mmap,
                "pwrite" => Backend::Pwrite,
                _ => Backend::Auto,
            },
            cache_bytes: given.cache_bytes as usize,
            write_timeout_ms: given.write_timeout as u64,
            ..Options::new(base)
        }
    }
}

/// What the names of a database's files begin with.
pub(super) fn base_of(db_path: &str) -> PathBuf {
    PathBuf::from(db_path.strip_suffix(".db").unwrap_or(db_path))
}

/// See [`NativeOptions::former`].
pub(super) fn former(paths: &[String]) -> Option<Former> {
    match paths {
        [path] => Some(Former::OneFile(PathBuf::from(path))),
        [before, after] => Some(Former::Files(PathBuf::from(before), after.clone())),
        _ => None,
    }
}

impl NativeOptions {
    /// The settings in force: those of the first opener in this process.
    pub(super) fn in_force(&self, database: &Database) -> NativeOptions {
        let options = database.options();
        NativeOptions {
            db_path: self.db_path.clone(),
            shard_count: options.shard_count,
            shard_count_is_default: options.shard_count_is_default,
            former: self.former.clone(),
            exclusive: options.exclusive,
            buffer_size: options.buffer_size as f64,
            flush_interval: options.flush_interval_ms as f64,
            batch_size: options.batch_size as f64,
            safe_mode: options.safe_mode,
            wal_path: database.wal_path().unwrap_or(&options.wal_path).to_string_lossy().into_owned(),
            wal_path_is_default: options.wal_path_is_default,
            wal_size: options.wal_size as f64,
            wal_backend: match options.wal_backend {
                Backend::Auto => "auto",
                Backend::Mmap => "mmap",
                Backend::Pwrite => "pwrite",
            }
            .to_owned(),
            cache_bytes: options.cache_bytes as f64,
            write_timeout: options.write_timeout_ms as f64,
        }
    }
}
