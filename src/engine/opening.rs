//! Opening a database: lock, shards, log, recovery, threads; and closing it in the reverse order.

use std::sync::{Arc, atomic::Ordering};

use parking_lot::Mutex;

use super::{
    blocking::flush_and_wait,
    broken::Broken,
    buffer::Buffer,
    cache::Cache,
    core::{Core, Counters},
    error::{Error, Result},
    figures::Figures,
    flush,
    log::{self, Log},
    options::Options,
    panic::caught,
    presence::{self, Gate, Presence},
    progress::Tell,
    readers::{Pace, Readers},
    recovering::{Recovered, recover},
    registry,
    scan::{Scan, Scanner, Told},
    settling::{join, open_shards, settle},
    shard::Router,
    threads::Threads,
};

/// A database whose threads run.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) core: Arc<Core>,
    running: Mutex<Option<(Running, Presence)>>,
    /// What was found damaged, until somebody was told.
    damage: Mutex<Vec<Error>>,
}

#[derive(Debug)]
struct Running {
    threads: Threads,
    scanner: Scanner,
    /// Counts documents, once that was asked for, so that no scan waits for it.
    counter: Option<Scanner>,
    /// Whether the log comes after that of others, so that it is not needed without this process.
    is_numbered: bool,
    /// The log file that is not used with `safeMode: false`, and locked so that nobody else takes it.
    unused_log: Option<Arc<Log>>,
}

impl Engine {
    /// Opens or makes the database and recovers what processes left in their logs that are gone.
    pub(crate) fn open(options: Options, tell: Tell<'_>) -> Result<Engine> {
        let home = registry::home(&options.base);
        let _gate = Gate::enter(&home, presence::TO_OPEN)?;
        let (presence, is_alone) = Presence::enter(&home, options.exclusive)?;
        // NOTE: what it has begun ends as it is dropped; a panic that went on would end the program.
        let mut damage = Vec::new();
        let started = caught(|| Engine::start(options, tell, is_alone, &mut damage));
        match started.and_then(|started| presence.share().map(|()| started)) {
            Ok((core, running)) => Ok(Engine {
                core,
                running: Mutex::new(Some((running, presence))),
                damage: Mutex::new(damage),
            }),
            Err(error) => {
                presence.leave();
                // The damaged file has another name now, so no later opening tells of it.
                Err(damage.iter().fold(error, |error, damage| error.besides(damage)))
            }
        }
    }

    fn start(
        mut options: Options,
        tell: Tell<'_>,
        is_alone: bool,
        damage: &mut Vec<Error>,
    ) -> Result<(Arc<Core>, Running)> {
        let earlier = if is_alone { settle(&mut options, tell, damage)? } else { join(&mut options)? };
        let files = open_shards(&options, is_alone)?;
        let router = Router::new(options.shard_count);

        let Recovered { log, is_numbered, unused_log, shards, collections, recovered, damaged } =
            recover(&options, files, router, is_alone, damage)?;
        let core = Arc::new(Core {
            buffer: Buffer::new(&log),
            cache: Cache::new(options.cache_bytes, options.shard_count),
            counters: Counters::default(),
            figures: Figures::new(options.shard_count),
            openers: Mutex::default(),
            flush: flush::FlushControl::default(),
            sync: flush::SyncControl::default(),
            watch: flush::WatchControl::new(options.shard_count),
            paces: (0..options.shard_count).map(|_| Pace::new()).collect(),
            readers: Readers::new(options.shard_count),
            knows_collections: false.into(),
            broken: Broken::default(),
            options,
            log,
            shards,
            collections,
            router,
        });
        core.counters.recovered.store(earlier.recovered + recovered, Ordering::Relaxed);
        core.counters.damaged.store(earlier.damaged + damaged, Ordering::Relaxed);
        let threads = Threads::start(&core)?;
        let scanner = Scanner::start(&core, "kimdb-scan")?;
        Ok((core, Running { threads, scanner, counter: None, is_numbered, unused_log }))
    }

    /// What was found damaged at open, once.
    pub(crate) fn take_damage(&self) -> Vec<Error> {
        std::mem::take(&mut self.damage.lock())
    }

    /// Has the scan thread run a scan.
    pub(crate) fn scan(&self, scan: Scan) -> Result<()> {
        self.running.lock().as_ref().map(|(running, _)| running.scanner.send(scan)).ok_or_else(Error::closed)
    }

    /// Has the count thread, which the first call starts, count the documents in each shard.
    pub(crate) fn count(&self, done: Told<String>) -> Result<()> {
        let mut running = self.running.lock();
        let (running, _) = running.as_mut().ok_or_else(Error::closed)?;
        let counter = match &mut running.counter {
            Some(counter) => counter,
            none => none.insert(Scanner::start(&self.core, "kimdb-count")?),
        };
        counter.send(Scan::Rows(done));
        Ok(())
    }

    /// Flushes, stops the threads, empties the log and lets go of every file. Everything is let go of even when
    /// something fails; what could not be flushed stays in the log then.
    pub(crate) fn close(&self) -> Result<()> {
        let Some((running, presence)) = self.running.lock().take() else {
            return Ok(());
        };
        let core = &*self.core;
        let flushed = flush_and_wait(core);
        running.scanner.stop();
        core.readers.stop();
        if let Some(counter) = running.counter {
            counter.stop();
        }
        drop(running.threads);
        // Without the gate, others are taken to be there: they do what is left to do.
        let gate = Gate::enter(presence.base(), presence::TO_CLOSE);
        let is_last = gate.is_ok() && presence.is_last();
        let emptied = flushed.and_then(|()| {
            core.shards.iter().try_for_each(|shard| shard.checkpoint(is_last))?;
            core.shards.iter().try_for_each(|shard| shard.sync())?;
            // Claims of the buffer end where the log ends, so all of it is free.
            core.log.reclaim(core.log.head()).map_err(|error| core.log.failed_to("empty the log", &error))
        });
        if emptied.is_ok() && running.is_numbered {
            remove_numbered(core);
        } else if emptied.is_ok() && !core.log.is_file() && !is_last {
            // Nobody asks for a log in memory again; who is alone next forgets what is left.
            core.shards.iter().for_each(|shard| drop(shard.forget_log()));
        }
        let closed = core.shards.iter().map(|shard| shard.close(is_last)).fold(Ok(()), Result::and);
        core.log.unlock();
        if let Some(log) = &running.unused_log {
            log.unlock();
        }
        if gate.is_ok() {
            presence.leave();
        }
        emptied.and(closed)
    }
}

/// The log of a process that came when others had the database open is not needed without it.
fn remove_numbered(core: &Core) {
    // What came in since it was emptied is for the next opening.
    // Nor is a file that is another's by now: where this one's was removed, a process that came after has taken the number.
    let is_to_go = core.log.used() == 0 && core.log.has_its_name();
    let Some(path) = core.log.path().filter(|_| is_to_go) else { return };
    // Where this fails, an empty log is left, which the next opening removes. What shards know of it takes a few bytes, and
    // is forgotten by the next process that is alone, where others are in the way now. A large record that could not be removed
    // needs its log: alone it would be taken for one beside the next log of that name.
    let is_removed = log::Side::remove_beside(&core.log).is_ok() && core.options.files.remove(path).is_ok();
    if is_removed {
        core.shards.iter().for_each(|shard| drop(shard.forget_log()));
    }
}
