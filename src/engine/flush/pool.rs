//! The flush workers.

use std::{
    collections::VecDeque,
    sync::Arc,
    thread::{self, JoinHandle},
};

use parking_lot::{Condvar, Mutex};

use crate::engine::{error::Result, panic::caught, threads::spawn};

type Job = Box<dyn FnOnce() + Send>;

/// What the workers have to do.
#[derive(Default)]
pub(crate) struct Jobs {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    in_a_hurry: bool,
    ended: bool,
}

impl Jobs {
    /// Whether somebody waits for them, or for the room that they make. If not, one processor is left to the program.
    pub(super) fn hurry(&self, is_wanted: bool) {
        self.state.lock().in_a_hurry = is_wanted;
        if is_wanted {
            self.changed.notify_all();
        }
    }

    fn add(&self, job: Job) {
        self.state.lock().queue.push_back(job);
        self.changed.notify_all();
    }

    /// Waits for a job; `None`: there will be no more. `is_reserve`: only while there is a hurry.
    fn next(&self, is_reserve: bool) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if (state.in_a_hurry || !is_reserve)
                && let Some(job) = state.queue.pop_front()
            {
                return Some(job);
            }
            if state.ended {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }

    fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_all();
    }
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("waiting", &self.state.lock().queue.len()).finish_non_exhaustive()
    }
}

/// Threads that run jobs. Dropped: they finish what they have and end.
#[derive(Debug)]
pub(crate) struct Pool {
    jobs: Arc<Jobs>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts as many workers as the shards and the processors can use. Where that is one for each processor, the last of them
    /// works only while there is a [hurry](Jobs::hurry).
    pub(crate) fn start(shards: usize, jobs: Arc<Jobs>) -> Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Pool::start_on(cores, shards, jobs)
    }

    pub(super) fn start_on(cores: usize, shards: usize, jobs: Arc<Jobs>) -> Result<Self> {
        let mut pool = Pool { jobs, threads: Vec::new() };
        for number in 0..shards.min(cores) {
            let (jobs, is_reserve) = (Arc::clone(&pool.jobs), number > 0 && number + 1 == cores);
            let work = move || {
                yield_to_the_program();
                while let Some(job) = jobs.next(is_reserve) {
                    job();
                }
            };
            pool.threads.push(spawn(&format!("kimdb-flush-{number}"), work)?);
        }
        Ok(pool)
    }

    /// Runs `work` on every item, in parallel, and returns the results as they come. A panic is the item's error.
    pub(crate) fn map<I: Send + 'static, T: Send + 'static>(
        &self,
        items: impl Iterator<Item = (usize, I)>,
        work: impl Fn(I) -> T + Clone + Send + 'static,
    ) -> Vec<(usize, Result<T>)> {
        let (results, finished) = flume::unbounded();
        for (key, item) in items {
            let (work, results) = (work.clone(), results.clone());
            let job = Box::new(move || {
                let result = caught(|| Ok(work(item)));
                // Nobody listens any more only if the scheduler itself is gone.
                let _ = results.send((key, result));
            });
            self.jobs.add(job);
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
        self.jobs.end();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
