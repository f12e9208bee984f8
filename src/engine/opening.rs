//! Opening a database: lock, shards, log, recovery, threads; and closing it in the reverse order.

use std::{
    fs::{self, File},
    path::Path,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
};

use parking_lot::Mutex;

use super::{
    buffer::{Buffer, Frozen},
    cache::Cache,
    core::{Core, Counters},
    error::{Error, Result},
    flush::{self, Pool, Request},
    lock::Lock,
    log::{self, Log, Lsn, Opened, Place},
    options::Options,
    shard::{self, Router, Store, collection::Collections},
};

/// A database whose threads run.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) core: Arc<Core>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    scheduler: JoinHandle<()>,
    syncer: JoinHandle<()>,
    log_lock: Option<File>,
    _lock: Lock,
}

impl Engine {
    /// Opens or makes the database and recovers what a process left in its log.
    pub(crate) fn open(options: Options) -> Result<Engine> {
        let folder = options.base.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
        let lock = Lock::take(&options.base)?;
        let files = shard::open(&options.base, options.shard_count)?;
        let database = files.database;
        let router = Router::new(options.shard_count);

        let found = find_log(&options, database)?;
        let (shards, collections, recovered, kept) = match found {
            Some(opened) => {
                let (shards, collections) = files.attach(opened.log.id())?;
                let recovered = recover(&opened.log, router, &shards, &collections)?;
                (shards, collections, recovered, Some(opened.renew()?))
            }
            None => {
                let (shards, collections) = files.attach(log::random_id()?)?;
                (shards, collections, 0, None)
            }
        };
        let (log, log_lock) = match kept {
            Some((log, log_lock)) if options.safe_mode => (log, log_lock),
            other => {
                // The emptied log file stays locked, so that no second database takes it for its own.
                let opened = log::open_anonymous(database, log::random_id()?, options.wal_size, Lsn(0))?;
                (opened.log, other.and_then(|(_, log_lock)| log_lock))
            }
        };
        for shard in &shards {
            shard.follow(log.id())?;
        }
        let core = Arc::new(Core {
            buffer: Buffer::new(&log),
            cache: Cache::new(options.cache_bytes),
            counters: Counters::default(),
            observers: Mutex::default(),
            flush: flush::FlushControl::default(),
            sync: flush::SyncControl::default(),
            broken: super::core::Broken::default(),
            options,
            log,
            shards,
            collections,
            router,
        });
        core.counters.recovered.store(recovered, Ordering::Relaxed);
        let pool = Pool::start(core.shards.len())?;
        let shared = Arc::clone(&core);
        let scheduler = flush::spawn("kimdb-scheduler", move || flush::run_scheduler(shared, pool))?;
        let shared = Arc::clone(&core);
        let syncer = flush::spawn("kimdb-sync", move || flush::run_syncer(&shared))?;
        let running = Running { scheduler, syncer, log_lock, _lock: lock };
        Ok(Engine { core, running: Mutex::new(Some(running)) })
    }

    /// Flushes, stops the threads, empties the log and lets go of every file. Everything is let go of even when
    /// something fails; what could not be flushed stays in the log then.
    pub(crate) fn close(&self) -> Result<()> {
        let Some(running) = self.running.lock().take() else { return Ok(()) };
        let core = &*self.core;
        let flushed = flush_and_wait(core);
        core.flush.stop();
        let _ = running.scheduler.join();
        core.sync.stop();
        let _ = running.syncer.join();
        let emptied = flushed.and_then(|()| {
            core.shards.iter().try_for_each(|shard| shard.checkpoint(true))?;
            core.shards.iter().try_for_each(|shard| shard.sync())?;
            // Claims of the buffer end where the log ends, so all of it is free.
            core.log.reclaim(core.log.head()).map_err(|error| {
                Error::io("empty the log", core.log.path().unwrap_or(Path::new("")), &error)
            })
        });
        let closed = core.shards.iter().map(|shard| shard.close()).fold(Ok(()), Result::and);
        if let Some(file) = &running.log_lock {
            // NOTE: the mapping shares this lock and may outlive this call by a reader.
            let _ = file.unlock();
        }
        emptied.and(closed)
    }
}

/// Blocks until everything accepted so far is in the shards and durable.
pub(crate) fn flush_and_wait(core: &Core) -> Result<()> {
    let (done, logged) = waiting();
    if core.log.barrier(|| done) {
        wait(&logged)?;
    }
    let (done, flushed) = waiting();
    core.flush.request(Request { target: core.log.head(), done });
    wait(&flushed)
}

/// A callback and where its result arrives.
pub(crate) fn waiting() -> (log::Done, flume::Receiver<Result<()>>) {
    let (tell, told) = flume::bounded(1);
    // Nobody may listen any more.
    (Box::new(move |result| drop(tell.send(result))), told)
}

/// Blocks until the callback was called. It being dropped instead means that the threads are gone.
pub(crate) fn wait(told: &flume::Receiver<Result<()>>) -> Result<()> {
    told.recv().unwrap_or_else(|_| Err(Error::closed()))
}

/// The log to recover from: always looked for, since an earlier run may have left one that this one does not use.
fn find_log(options: &Options, database: log::Id) -> Result<Option<Opened>> {
    let place = Place {
        path: options.wal_path.clone(),
        fallback: options.wal_path_is_default.then(|| options.own_wal_path()),
        capacity: options.wal_size,
    };
    if options.safe_mode {
        return log::open(&place, database).map(Some);
    }
    let candidates = std::iter::once(&place.path).chain(&place.fallback).filter(|path| path.exists());
    for path in candidates {
        match log::open(&Place { path: path.clone(), fallback: None, ..place }, database) {
            Ok(opened) => return Ok(Some(opened)),
            Err(error) if matches!(error.code(), super::Code::WalMismatch | super::Code::Locked) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Applies what the shards do not have yet, and makes it durable. Returns the number of writes.
fn recover(
    log: &Arc<Log>,
    router: Router,
    shards: &[Arc<dyn Store>],
    collections: &Collections,
) -> Result<u64> {
    let start = log.tail();
    let frozen = Frozen { claim: Arc::new(log.claim(start)), start, end: log.head() };
    if frozen.start == frozen.end {
        return Ok(0);
    }
    let applied: Vec<Lsn> = shards.iter().map(|shard| shard.applied()).collect();
    let parts = flush::divide(&frozen, router, collections, true, &applied)?;
    let recovered = parts.iter().map(|part| part.entries.len() as u64).sum();
    let log_id = log.id();
    let results = std::thread::scope(|scope| {
        let threads: Vec<_> = shards
            .iter()
            .zip(&parts)
            .map(|(store, part)| scope.spawn(move || flush::apply(part, log_id, &**store, collections, None, 0)))
            .collect();
        threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
    });
    for result in results {
        result.unwrap_or_else(|panic| Err(flush::panicked(&*panic)))?;
    }
    shards.iter().try_for_each(|shard| shard.sync())?;
    Ok(recovered)
}
