//! Opening a database: lock, shards, log, recovery, threads; and closing it in the reverse order.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
};

use parking_lot::Mutex;

use super::{
    buffer::{Buffer, Frozen},
    cache::Cache,
    core::{Core, Counters},
    error::{Code, Error, Result},
    flush::{self, Pool, Request},
    lock::Lock,
    log::{self, Log, Lsn, Opened, Side},
    options::Options,
    scan::{Scan, Scanner},
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
    scanner: Scanner,
    log_lock: Option<File>,
    _lock: Lock,
}

impl Engine {
    /// Opens or makes the database and recovers what a process left in its log.
    pub(crate) fn open(options: Options) -> Result<Engine> {
        let lock = Lock::take(&options.base)?;
        let files = shard::open(&options.base, options.shard_count)?;
        let database = files.database;
        let router = Router::new(options.shard_count);

        let (mut logs, place) = find_logs(&options, database)?;
        let (shards, collections) = match logs.first() {
            Some(found) => files.attach(found.log.id())?,
            None => files.attach(log::random_id()?)?,
        };
        let mut recovered = 0;
        let mut kept = None;
        while let Some(found) = logs.pop() {
            follow(&shards, found.log.id())?;
            recovered += recover(&found.log, router, &shards, &collections)?;
            recovered += recover_side(&found.log, router, &shards, &collections)?;
            let applied = shards.iter().map(|shard| shard.applied()).max().unwrap_or_default();
            let is_chosen = found.log.path() == Some(&place);
            let renewed = found.renew(applied)?;
            // A log that is not chosen is empty now, and not used.
            kept = kept.or(is_chosen.then_some(renewed));
        }
        let (log, log_lock) = match kept {
            Some(kept) if options.safe_mode => kept,
            // The emptied log file stays locked, so that no second database takes it for its own.
            other => {
                let log_lock = other.and_then(|(_, log_lock)| log_lock);
                (log::open_anonymous(database, log::random_id()?, options.wal_size, Lsn(0))?.log, log_lock)
            }
        };
        follow(&shards, log.id())?;
        shards.iter().try_for_each(|shard| shard.forget_other_logs())?;
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
        let scanner = Scanner::start(&core)?;
        let running = Running { scheduler, syncer, scanner, log_lock, _lock: lock };
        Ok(Engine { core, running: Mutex::new(Some(running)) })
    }

    /// Has the scan thread run a scan.
    pub(crate) fn scan(&self, scan: Scan) -> Result<()> {
        self.running.lock().as_ref().map(|running| running.scanner.send(scan)).ok_or_else(Error::closed)
    }

    /// Flushes, stops the threads, empties the log and lets go of every file. Everything is let go of even when
    /// something fails; what could not be flushed stays in the log then.
    pub(crate) fn close(&self) -> Result<()> {
        let Some(running) = self.running.lock().take() else {
            return Ok(());
        };
        let core = &*self.core;
        let flushed = flush_and_wait(core);
        running.scanner.stop();
        core.flush.stop();
        let _ = running.scheduler.join();
        core.sync.stop();
        let _ = running.syncer.join();
        core.log.close();
        core.flush.close();
        core.sync.close();
        let emptied = flushed.and_then(|()| {
            core.shards.iter().try_for_each(|shard| shard.checkpoint(true))?;
            core.shards.iter().try_for_each(|shard| shard.sync())?;
            // Claims of the buffer end where the log ends, so all of it is free.
            core.log
                .reclaim(core.log.head())
                .map_err(|error| Error::io("empty the log", core.log.path().unwrap_or(Path::new("")), &error))
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
    core.flush.request(Request::new(core.log.head(), done));
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

fn follow(shards: &[Arc<dyn Store>], log: log::Id) -> Result<()> {
    shards.iter().try_for_each(|shard| shard.follow(log))
}

/// All logs of this database, and the place of the one to use. They are looked for even if this opening uses none,
/// and in both places where an earlier one may have left one.
fn find_logs(options: &Options, database: log::Id) -> Result<(Vec<Opened>, PathBuf)> {
    let is_anothers = |error: &Error| matches!(error.code(), Code::WalMismatch | Code::Locked);
    let own = options.wal_path_is_default.then(|| options.own_wal_path());
    let mut places = vec![options.wal_path.clone()];
    places.extend(own.filter(|own| *own != options.wal_path));
    let may_pass = places.len() > 1 || !options.safe_mode;
    let mut logs = Vec::new();
    let mut chosen = None;
    // What a link names is the log, and what is replaced when it is made anew.
    let resolved =
        |place: PathBuf| if place.is_symlink() { place.canonicalize().unwrap_or(place) } else { place };
    for place in places.into_iter().map(resolved) {
        let is_wanted = options.safe_mode && chosen.is_none();
        if !is_wanted && !place.exists() {
            continue;
        }
        match log::open(&place, options.wal_size, database) {
            Ok(found) => {
                chosen.get_or_insert(place);
                logs.push(found);
            }
            Err(error) if is_anothers(&error) && may_pass => {}
            Err(error) => return Err(error),
        }
    }
    if options.safe_mode && chosen.is_none() {
        let text = "Both places for the log are in use by other databases; set walPath to a file of its own.";
        return Err(Error::new(Code::WalMismatch, text).at(&options.wal_path));
    }
    Ok((logs, chosen.unwrap_or_default()))
}

/// Applies what a process left beside the log, after the log itself.
fn recover_side(
    main: &Arc<Log>,
    router: Router,
    shards: &[Arc<dyn Store>],
    collections: &Collections,
) -> Result<u64> {
    let found = main.path().map(|path| Side::find(path, main.database())).transpose()?.flatten();
    let Some(side) = found else { return Ok(0) };
    let (start, end) = (Lsn(0), side.log.head());
    let frozen = Frozen { claim: Arc::new(side.log.claim(start)), start, end, ops: 0 };
    let parts = flush::divide(&frozen, router, collections, true, &vec![start; shards.len()])?;
    let mut recovered = 0;
    for (store, part) in shards.iter().zip(&parts) {
        if !store.has_side(side.log.id())? {
            recovered += part.entries.len() as u64;
            let place = (main.id(), store.applied());
            flush::apply_side(part, side.log.id(), place, &**store, collections, None)?;
        }
        store.sync()?;
    }
    side.remove()?;
    Ok(recovered)
}

/// Applies what the shards do not have yet, and makes it durable. Returns the number of writes.
fn recover(
    log: &Arc<Log>,
    router: Router,
    shards: &[Arc<dyn Store>],
    collections: &Collections,
) -> Result<u64> {
    let start = log.tail();
    let frozen = Frozen { claim: Arc::new(log.claim(start)), start, end: log.head(), ops: 0 };
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
            .map(|(store, part)| {
                scope.spawn(move || flush::apply(part, log_id, &**store, collections, None, 0))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
    });
    for result in results {
        result.unwrap_or_else(|panic| Err(flush::panicked(&*panic)))?;
    }
    shards.iter().try_for_each(|shard| shard.sync())?;
    Ok(recovered)
}
