//! Threads that read documents from shards whose disk is slow, so that the program's own threads need not wait for it.
//!
//! Each shard has a lane of reads, and one thread at a time goes through it: a shard has one connection for point reads. A
//! thread takes many reads of a lane at once and sorts them, so that neighbours in the file are read together. Threads are
//! started when there is work that nobody is free for, and sleep without cost.

mod gather;
mod pace;
mod piece;
#[cfg(test)]
mod test;

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{
    core::Core,
    db::Document,
    error::{Error, Result},
    panic::{call_back, caught},
    read::Attempt,
    shard::{ShardId, collection::Collection},
    threads::spawn,
};

pub(crate) use gather::Gather;
use gather::Part;
pub(crate) use pace::Pace;
pub(crate) use piece::Piece;

/// Most threads that read from shards. They wait more than they work, and a disk does not get faster from more of them.
const THREADS: usize = 4;

/// Reads of a lane that are taken at once.
const BATCH: usize = 256;

/// A document that was read, with its JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What it is.
    pub document: Document,
    /// Its JSON text.
    pub text: Vec<u8>,
}

/// Called once with what was read.
pub(crate) type ReadDone = Box<dyn FnOnce(Result<Option<Read>>) + Send>;

/// What a lane holds.
pub(crate) enum Wanted {
    One(One),
    Part(Part),
}

/// A document that somebody waits for. There may be a million of them.
pub(crate) struct One {
    pub(crate) collection: Arc<Collection>,
    pub(crate) id: Box<str>,
    pub(crate) done: ReadDone,
    /// Set once nobody waits any more: the instance that asked was closed, and the others want the disk.
    pub(crate) given_up: Arc<AtomicBool>,
}

/// The reader threads and what they have to do.
#[derive(Debug)]
pub(crate) struct Readers {
    state: Mutex<State>,
    changed: Condvar,
    stopping: AtomicBool,
}

struct State {
    /// One for each shard, and behind them one for reads that have to wait for the buffer's index, whatever the disks do.
    lanes: Vec<Lane>,
    /// Lanes with work that no thread has taken.
    ready: VecDeque<usize>,
    /// Threads that are at a shard.
    at_shards: usize,
    /// Threads that wait for work, or were woken and have not taken it yet.
    idle: usize,
    /// One of them was woken and has not come yet. It wakes the next one if there is more to do, because to wake a thread takes longer
    /// than to read some documents.
    is_waking: bool,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Lane {
    wanted: VecDeque<Wanted>,
    /// It is ready or a thread goes through it.
    is_busy: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Readers {
    pub(crate) fn new(shards: u32) -> Self {
        let lanes = (0..=shards).map(|_| Lane::default()).collect();
        let state = State {
            lanes,
            ready: VecDeque::new(),
            at_shards: 0,
            idle: 0,
            is_waking: false,
            threads: Vec::new(),
        };
        Readers { state: Mutex::new(state), changed: Condvar::new(), stopping: AtomicBool::new(false) }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Has a document read, which belongs to that shard.
    pub(crate) fn want(&self, core: &Arc<Core>, shard: ShardId, wanted: Wanted) {
        self.want_in(core, Some(shard), wanted);
    }

    /// Has the buffer's index brought up to date, and then a document read.
    pub(crate) fn want_indexed(&self, core: &Arc<Core>, wanted: Wanted) {
        self.want_in(core, None, wanted);
    }

    fn want_in(&self, core: &Arc<Core>, shard: Option<ShardId>, wanted: Wanted) {
        let mut state = self.state.lock();
        if self.is_stopping() {
            drop(state);
            return wanted.refuse(Error::closed());
        }
        let number = shard.map_or(state.index_lane(), |shard| shard as usize);
        let lane = &mut state.lanes[number];
        lane.wanted.push_back(wanted);
        if lane.is_busy {
            return;
        }
        lane.is_busy = true;
        state.ready.push_back(number);
        // One thread more for the index, so that it is there however many are stuck.
        let most = THREADS.min(state.index_lane()) + usize::from(shard.is_none());
        if state.ready.len() > state.idle && state.threads.len() < most {
            self.add_thread(core, state);
        } else {
            self.wake(&mut state);
        }
    }

    fn wake(&self, state: &mut State) {
        if !state.is_waking {
            state.is_waking = self.changed.notify_one();
        }
    }

    /// Whether somebody still waits for a read.
    fn check_wanted(&self, given_up: &AtomicBool) -> Result<()> {
        match self.is_stopping() || given_up.load(Ordering::Acquire) {
            true => Err(Error::closed()),
            false => Ok(()),
        }
    }

    fn add_thread(&self, core: &Arc<Core>, mut state: MutexGuard<'_, State>) {
        let of_thread = Arc::clone(core);
        match spawn(&format!("kimdb-read-{}", state.threads.len()), move || run(&of_thread)) {
            Ok(thread) => state.threads.push(thread),
            // Another one does it, only later.
            Err(_) if !state.threads.is_empty() => {}
            Err(error) => {
                let unread = state.take_all();
                drop(state);
                unread.into_iter().for_each(|wanted| wanted.refuse(error.clone()));
            }
        }
    }

    /// Ends the threads, after the reads that they are at. What is left and comes later fails.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        self.stopping.store(true, Ordering::Release);
        let unread = state.take_all();
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        self.changed.notify_all();
        unread.into_iter().for_each(|wanted| wanted.refuse(Error::closed()));
        for thread in threads {
            // A panic of it was given to whom it concerned.
            let _ = thread.join();
        }
    }
}

impl Wanted {
    fn documents(&self) -> usize {
        match self {
            Wanted::One(_) => 1,
            Wanted::Part(part) => part.len(),
        }
    }

    fn refuse(self, error: Error) {
        match self {
            Wanted::One(one) => call_back(|| (one.done)(Err(error))),
            Wanted::Part(part) => part.refuse(error),
        }
    }
}

impl From<One> for Wanted {
    fn from(one: One) -> Self {
        Wanted::One(one)
    }
}

impl From<Part> for Wanted {
    fn from(part: Part) -> Self {
        Wanted::Part(part)
    }
}

impl Lane {
    fn take_batch(&mut self) -> Vec<Wanted> {
        let (mut count, mut documents) = (0, 0);
        while documents < BATCH
            && let Some(wanted) = self.wanted.get(count)
        {
            count += 1;
            documents += wanted.documents();
        }
        self.wanted.drain(..count).collect()
    }
}

impl State {
    fn index_lane(&self) -> usize {
        self.lanes.len() - 1
    }

    /// The next lane to go through. One thread is left for the index.
    fn take_lane(&mut self) -> Option<usize> {
        let index_lane = self.index_lane();
        let at = self.ready.iter().position(|lane| *lane == index_lane || self.at_shards < THREADS)?;
        self.ready.remove(at)
    }

    /// Everything that no thread has taken.
    fn take_all(&mut self) -> Vec<Wanted> {
        for lane in self.ready.drain(..) {
            self.lanes[lane].is_busy = false;
        }
        self.lanes.iter_mut().flat_map(|lane| lane.wanted.drain(..)).collect()
    }
}

/// One thread.
fn run(core: &Arc<Core>) {
    let readers = &core.readers;
    let mut state = readers.state.lock();
    while !readers.is_stopping() {
        let Some(number) = state.take_lane() else {
            state.idle += 1;
            readers.changed.wait(&mut state);
            state.idle -= 1;
            state.is_waking = false;
            continue;
        };
        if !state.ready.is_empty() {
            readers.wake(&mut state);
        }
        let is_of_shard = number != state.index_lane();
        state.at_shards += usize::from(is_of_shard);
        let lane = &mut state.lanes[number];
        let batch = lane.take_batch();
        MutexGuard::unlocked(&mut state, || {
            if is_of_shard {
                let (pace, store) = (&core.paces[number], &*core.shards[number]);
                pace.learn_from(store, || read_all(core, batch));
            } else {
                read_indexed(core, batch);
            }
        });
        state.at_shards -= usize::from(is_of_shard);
        let lane = &mut state.lanes[number];
        lane.is_busy = !lane.wanted.is_empty();
        if lane.is_busy {
            // Behind the others: a lane that never gets empty holds up nobody.
            state.ready.push_back(number);
        }
    }
}

/// Reads what needs no disk, and hands the rest to the lanes of the shards.
fn read_indexed(core: &Arc<Core>, batch: Vec<Wanted>) {
    // Where that fails, each read tells.
    let _ = caught(|| core.buffer.catch_up());
    for wanted in batch {
        match wanted {
            Wanted::Part(part) => part.read_indexed(core),
            Wanted::One(one) => one.read_indexed(core),
        }
    }
}

fn read_all(core: &Core, batch: Vec<Wanted>) {
    let (mut ones, mut parts) = (Vec::with_capacity(batch.len()), Vec::new());
    for wanted in batch {
        match wanted {
            Wanted::One(one) => ones.push(one),
            Wanted::Part(part) => parts.push(part),
        }
    }
    ones.sort_unstable_by(|a, b| (a.collection.number, &a.id).cmp(&(b.collection.number, &b.id)));
    ones.into_iter().for_each(|one| one.read(core));
    // Behind them: who waits for one document need not wait for a list.
    parts.into_iter().for_each(|part| part.read(core));
}

impl One {
    fn read(self, core: &Core) {
        let read = || {
            core.readers.check_wanted(&self.given_up)?;
            let mut text = Vec::new();
            let found = core.read(&self.collection, &self.id, &mut text)?;
            Ok(found.map(|document| Read { document, text }))
        };
        let read = caught(read);
        call_back(|| (self.done)(read));
    }

    fn read_indexed(self, core: &Arc<Core>) {
        let mut text = Vec::new();
        let read = || {
            core.readers.check_wanted(&self.given_up)?;
            core.try_read(&self.collection, &self.id, &mut text)
        };
        let read = match caught(read) {
            Ok(Attempt::WouldWait(_)) => {
                return core.readers.want(core, core.router.shard(&self.id), self.into());
            }
            Ok(Attempt::Done(found)) => Ok(found.map(|document| Read { document, text })),
            Err(error) => Err(error),
        };
        call_back(|| (self.done)(read));
    }
}
