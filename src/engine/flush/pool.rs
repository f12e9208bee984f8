//! The flush workers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread::{self, JoinHandle},
};

use crate::engine::error::{Code, Error, Result};

type Job = Box<dyn FnOnce() + Send>;

/// Threads that run jobs. Dropped: they finish what they have and end.
#[derive(Debug)]
pub(crate) struct Pool {
    jobs: Option<flume::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts as many workers as the shards and the processor can use.
    pub(crate) fn start(shards: usize) -> Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let (jobs, inbox) = flume::unbounded::<Job>();
        let worker = |number| {
            let inbox = inbox.clone();
            spawn(&format!("kimdb-flush-{number}"), move || {
                yield_to_the_program();
                inbox.iter().for_each(|job| job())
            })
        };
        let threads = (0..shards.min(cores)).map(worker).collect::<Result<_>>()?;
        Ok(Pool { jobs: Some(jobs), threads })
    }

    /// Runs `work` on every item, in parallel, and returns the results as they come. A panic is the item's error.
    pub(crate) fn map<I: Send + 'static, T: Send + 'static>(
        &self,
        items: impl Iterator<Item = (usize, I)>,
        work: impl Fn(I) -> T + Clone + Send + 'static,
    ) -> Vec<(usize, Result<T>)> {
        let (results, finished) = flume::unbounded();
        let jobs = self.jobs.as_ref().expect("taken only when dropped");
        for (key, item) in items {
            let (work, results) = (work.clone(), results.clone());
            let job = Box::new(move || {
                let result = catch_unwind(AssertUnwindSafe(|| work(item))).map_err(|panic| panicked(&*panic));
                // Nobody listens any more only if the scheduler itself is gone.
                let _ = results.send((key, result));
            });
            jobs.send(job).expect("workers live as long as the pool");
        }
        drop(results);
        finished.iter().collect()
    }
}

/// Lets the program's own threads go first where there are fewer cores than work: a flush has time, an event loop has not.
fn yield_to_the_program() {
    /// A third of the share that a thread has by default.
    #[cfg(target_os = "linux")]
    const NICENESS: i32 = 5;
    #[cfg(target_os = "linux")]
    // On Linux these are about the calling thread alone. Where it is refused, nothing changes.
    if rustix::process::getpriority_process(None).is_ok_and(|now| now < NICENESS) {
        let _ = rustix::process::setpriority_process(None, NICENESS);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs.take();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Starts a named thread.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| Error::new(Code::Io, format!("The system gave no thread '{name}': {error}.")))
}

/// A panic as an error.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    Error::new(Code::Internal, format!("kimdb met a defect of its own ({text}); please report it."))
}
