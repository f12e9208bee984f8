//! Opening a database: lock, shards, log, recovery, threads; and closing it in the reverse order.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use parking_lot::Mutex;

use super::{
    buffer::Buffer,
    cache::Cache,
    core::{Core, Counters},
    error::{Error, Result},
    flush::{self, Request},
    lock::Lock,
    log::{self, Log},
    options::Options,
    progress::Tell,
    recovering::{Recovered, recover},
    scan::{Scan, Scanner},
    settling::settle,
    shard::{self, Router},
    threads::Threads,
};

/// A database whose threads run.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) core: Arc<Core>,
    running: Mutex<Option<Running>>,
    /// What was found damaged, until somebody was told.
    damage: Mutex<Vec<Error>>,
}

#[derive(Debug)]
struct Running {
    threads: Threads,
    scanner: Scanner,
    /// The log file that is not used with `safeMode: false`, and locked so that nobody else takes it.
    unused_log: Option<Arc<Log>>,
    _lock: Lock,
}

impl Engine {
    /// Opens or makes the database and recovers what a process left in its log.
    pub(crate) fn open(mut options: Options, tell: Tell<'_>) -> Result<Engine> {
        let lock = Lock::take(&options.base)?;
        let earlier = settle(&mut options, tell)?;
        let files = shard::open(&options.base, options.shard_count, &options.files)?;
        let router = Router::new(options.shard_count);

        let Recovered { log, unused_log, shards, collections, recovered, damaged, mut damage } =
            recover(&options, files, router)?;
        damage.splice(..0, earlier.damage);
        let core = Arc::new(Core {
            buffer: Buffer::new(&log),
            cache: Cache::new(options.cache_bytes, options.shard_count),
            counters: Counters::default(),
            openers: Mutex::default(),
            flush: flush::FlushControl::default(),
            sync: flush::SyncControl::default(),
            watch: flush::WatchControl::new(options.shard_count),
            broken: super::core::Broken::default(),
            options,
            log,
            shards,
            collections,
            router,
        });
        core.counters.recovered.store(earlier.recovered + recovered, Ordering::Relaxed);
        core.counters.damaged.store(earlier.damaged + damaged, Ordering::Relaxed);
        let threads = Threads::start(&core)?;
        let scanner = Scanner::start(&core)?;
        let running = Running { threads, scanner, unused_log, _lock: lock };
        Ok(Engine { core, running: Mutex::new(Some(running)), damage: Mutex::new(damage) })
    }

    /// What was found damaged at open, once.
    pub(crate) fn take_damage(&self) -> Vec<Error> {
        std::mem::take(&mut self.damage.lock())
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
        drop(running.threads);
        let emptied = flushed.and_then(|()| {
            core.shards.iter().try_for_each(|shard| shard.checkpoint(true))?;
            core.shards.iter().try_for_each(|shard| shard.sync())?;
            // Claims of the buffer end where the log ends, so all of it is free.
            core.log
                .reclaim(core.log.head())
                .map_err(|error| Error::io("empty the log", core.log.path().unwrap_or(Path::new("")), &error))
        });
        let closed = core.shards.iter().map(|shard| shard.close()).fold(Ok(()), Result::and);
        core.log.unlock();
        if let Some(log) = &running.unused_log {
            log.unlock();
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
