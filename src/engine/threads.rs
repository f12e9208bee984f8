//! The threads that work on an open database all the time, and how threads are started.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};

use super::{
    core::Core,
    error::{Code, Error, Result},
    flush::{self, Pool},
};

/// Starts a named thread.
pub(super) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| Error::new(Code::Io, format!("The system gave no thread '{name}': {error}.")))
}

type Stop = fn(&Core);

/// They run until this is dropped, which waits for them and refuses whatever comes from then on.
#[derive(Debug)]
pub(super) struct Threads {
    core: Arc<Core>,
    /// In the order in which they end, each with what ends it.
    running: Vec<(Stop, JoinHandle<()>)>,
}

impl Threads {
    pub(super) fn start(core: &Arc<Core>) -> Result<Threads> {
        let pool = Pool::start(core.shards.len(), Arc::clone(&core.flush.jobs))?;
        let mut threads = Threads { core: Arc::clone(core), running: Vec::new() };
        // The last flush waits for syncs, so the scheduler ends before the sync thread does.
        threads.run("kimdb-scheduler", |core| core.flush.stop(), |core| flush::run_scheduler(core, pool))?;
        threads.run("kimdb-sync", |core| core.sync.stop(), |core| flush::run_syncer(&core))?;
        threads.run("kimdb-watch", |core| core.watch.stop(), |core| flush::run_watch(&core))?;
        if core.log.wants_reading_ahead() {
            threads.run("kimdb-ahead", |core| core.log.stop_reading_ahead(), |core| core.log.read_ahead())?;
        }
        Ok(threads)
    }

    fn run(&mut self, name: &str, stop: Stop, body: impl FnOnce(Arc<Core>) + Send + 'static) -> Result<()> {
        let core = Arc::clone(&self.core);
        self.running.push((stop, spawn(name, move || body(core))?));
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for (stop, thread) in self.running.drain(..) {
            stop(&self.core);
            // What a panic of it means was told when it happened.
            let _ = thread.join();
        }
        self.core.log.close();
        self.core.flush.close();
        self.core.sync.close();
    }
}
