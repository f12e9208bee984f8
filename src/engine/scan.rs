//! Reading or counting many documents at once, as JSON text that the other side parses in one go.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use super::{
    core::Core,
    error::{Error, Result},
    flush::{panicked, spawn},
    newest::{Newest, newest},
    opening::flush_and_wait,
    pages::count_rows,
    shard::collection::Collection,
};

/// One scan. What it ends with is called once, from the scan thread.
pub(crate) enum Scan {
    /// The documents of a collection that were updated last, at most so many.
    Newest(Arc<Collection>, u64, Told<Texts>),
    /// The number of documents in each shard, as one JSON array.
    Rows(Told<String>),
}

pub(crate) type Told<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// JSON arrays, each made while those before it are used: id, document and version of one document after the other, and behind
/// the last how many they are. So flat, they are read faster than if each document were an object of its own.
///
/// What another program has written into a shard is a document's text as it is. Where it is not exactly one JSON value, the
/// array is no JSON or has another length.
#[derive(Debug, Clone)]
pub struct Texts(flume::Receiver<Result<String>>);

impl Iterator for Texts {
    type Item = Result<String>;

    /// Waits where the next text is being made: a megabyte takes about a millisecond. Everything has been read by then.
    fn next(&mut self) -> Option<Result<String>> {
        self.0.recv().ok()
    }
}

/// The thread that runs scans, one after the other.
#[derive(Debug)]
pub(crate) struct Scanner {
    scans: flume::Sender<Scan>,
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Scanner {
    pub(crate) fn start(core: &Arc<Core>, name: &str) -> Result<Scanner> {
        let (scans, inbox) = flume::unbounded::<Scan>();
        let stopping = Arc::new(AtomicBool::new(false));
        let (core, stop) = (Arc::clone(core), Arc::clone(&stopping));
        let thread = spawn(name, move || {
            for scan in inbox.iter() {
                match scan {
                    Scan::Newest(collection, limit, done) => {
                        let find = || flush_and_wait(&core).and_then(|()| newest(&core, &collection, limit));
                        match run(&stop, find) {
                            Ok(documents) => hand_over(documents, done),
                            Err(error) => done(Err(error)),
                        }
                    }
                    Scan::Rows(done) => done(run(&stop, || rows(&core, &stop))),
                }
            }
        })?;
        Ok(Scanner { scans, stopping, thread })
    }

    pub(crate) fn send(&self, scan: Scan) {
        let closed = Error::closed();
        match self.scans.send(scan).map_err(|failed| failed.0) {
            Ok(()) => {}
            Err(Scan::Newest(_, _, done)) => done(Err(closed)),
            Err(Scan::Rows(done)) => done(Err(closed)),
        }
    }

    /// Ends the scan under way, fails the others.
    pub(crate) fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        drop(self.scans);
        // A panic of the thread was given to its caller.
        let _ = self.thread.join();
    }
}

/// A panic of `work` is its error, and so is that nobody waits for it any more.
fn run<T>(stop: &AtomicBool, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(&*panic)));
    if stop.load(Ordering::Acquire) { Err(Error::closed()) } else { result }
}

/// Makes texts of the documents. `done` is called once the first is there.
fn hand_over(documents: Newest, done: Told<Texts>) {
    let (sender, texts) = flume::unbounded();
    let mut done = Some(done);
    let mut tell = || done.take().into_iter().for_each(|done| done(Ok(Texts(texts.clone()))));
    let make = || {
        for text in documents.texts() {
            if sender.send(Ok(text)).is_err() {
                // Nobody wants the rest.
                return;
            }
            tell();
        }
    };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(make)) {
        let _ = sender.send(Err(panicked(&*panic)));
    }
    tell();
}

/// Documents in each shard, as one JSON array.
fn rows(core: &Core, stop: &AtomicBool) -> Result<String> {
    core.collections.refresh()?;
    let collections: Vec<_> =
        core.collections.names().iter().map(|name| core.collections.get(name)).collect();
    let tables: Vec<_> = collections.iter().filter_map(|collection| collection.table()).collect();
    let mut counts = Vec::with_capacity(core.shards.len());
    for shard in &core.shards {
        let mut count = 0;
        for table in &tables {
            if stop.load(Ordering::Acquire) {
                return Err(Error::closed());
            }
            count += count_rows(&**shard, table)?;
        }
        counts.push(count);
    }
    Ok(format!("{counts:?}"))
}
