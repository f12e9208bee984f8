//! Reading or counting many documents at once, as JSON texts.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use super::{
    blocking::flush_and_wait,
    core::Core,
    error::{Error, Result},
    newest::newest,
    panic::{call_back, caught, panicked},
    shard::collection::Collection,
    threads::spawn,
};

/// One scan.
pub(crate) enum Scan {
    /// The documents of a collection that were updated last.
    Newest {
        collection: Arc<Collection>,
        /// At most so many.
        limit: u64,
        /// Set once nobody waits any more: the instance that asked was closed.
        given_up: Arc<AtomicBool>,
        done: Told<Texts>,
    },
    /// The number of documents in each shard, as one JSON array.
    Rows(Told<String>),
}

/// Called once with what a scan ends with.
pub(crate) type Told<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// JSON arrays, each made while those before it are used: id, document and version of one document after the other, and behind
/// the last how many they are. So flat, they are read faster than if each document were an object of its own.
///
/// What another program has written into a shard is a document's text as it is. If it is not exactly one JSON value, the array is no
/// JSON or has another length, unless several such texts make up for each other.
#[derive(Debug, Clone)]
pub struct Texts(flume::Receiver<Result<String>>);

impl Iterator for Texts {
    type Item = Result<String>;

    /// Waits where the next text is being made, which takes less than a millisecond unless it is one long document. Everything has been
    /// read by then.
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
                    Scan::Newest { collection, limit, given_up, done } => {
                        let over = [Arc::clone(&stop), given_up];
                        let find =
                            || flush_and_wait(&core).and_then(|()| newest(&core, &collection, limit, &over));
                        match run(&[&over[0], &over[1]], find) {
                            Ok(documents) => hand_over(documents.texts(), done),
                            Err(error) => call_back(|| done(Err(error))),
                        }
                    }
                    Scan::Rows(done) => {
                        let rows = run(&[&stop], || rows(&core, &stop));
                        call_back(|| done(rows));
                    }
                }
            }
        })?;
        Ok(Scanner { scans, stopping, thread })
    }

    pub(crate) fn send(&self, scan: Scan) {
        let closed = Error::closed();
        match self.scans.send(scan).map_err(|failed| failed.0) {
            Ok(()) => {}
            Err(Scan::Newest { done, .. }) => done(Err(closed)),
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

/// Runs `work`, unless one of these says that nobody waits for it any more. Its panic is an error.
fn run<T>(over: &[&AtomicBool], work: impl FnOnce() -> Result<T>) -> Result<T> {
    if over.iter().any(|over| over.load(Ordering::Acquire)) {
        return Err(Error::closed());
    }
    caught(work)
}

/// Hands the texts over as they are made. `done` is called once the first is there.
fn hand_over(made: impl Iterator<Item = String>, done: Told<Texts>) {
    let (sender, texts) = flume::unbounded();
    // IMPORTANT: the only receiver, so that a program that does not want the rest lets go of it.
    let mut untold = Some((done, Texts(texts)));
    let mut tell = || {
        if let Some((done, texts)) = untold.take() {
            call_back(|| done(Ok(texts)));
        }
    };
    let make = || {
        for text in made {
            if sender.send(Ok(text)).is_err() {
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
            count += shard.count(table)?;
        }
        counts.push(count);
    }
    Ok(format!("{counts:?}"))
}

#[cfg(test)]
mod test {
    use std::cell::Cell;

    use super::*;
    use crate::engine::error::Code;

    #[test]
    fn nothing_is_begun_that_nobody_waits_for() {
        let (no, yes) = (AtomicBool::new(false), AtomicBool::new(true));
        let begun = Cell::new(0);
        let work = || {
            begun.set(begun.get() + 1);
            Ok(())
        };
        assert_eq!(run(&[&no, &no], work), Ok(()));
        for over in [[&no, &yes], [&yes, &no]] {
            assert_eq!(run(&over, work).expect_err("closed").code(), Code::Closed);
        }
        assert_eq!(begun.get(), 1);
    }

    #[test]
    fn texts_that_nobody_wants_are_not_made() {
        let (tell, told) = flume::unbounded();
        let made = Cell::new(0);
        let texts = (0..9).inspect(|_| made.set(made.get() + 1)).map(|number| number.to_string());
        hand_over(
            texts,
            Box::new(move |texts| tell.send(texts.expect("texts").take(1).count()).expect("awaited")),
        );
        assert_eq!(told.iter().collect::<Vec<_>>(), [1], "told once");
        assert_eq!(made.get(), 2, "the second cannot be handed over");
    }

    #[test]
    fn a_panic_in_the_middle_ends_the_texts_with_an_error() {
        let (tell, told) = flume::unbounded();
        let texts = (0..9).map(|number| if number == 2 { panic!("a defect") } else { number.to_string() });
        hand_over(texts, Box::new(move |texts| drop(tell.send(texts))));
        let mut texts = told.recv().expect("told").expect("texts");
        assert_eq!([texts.next(), texts.next()], [Some(Ok("0".into())), Some(Ok("1".into()))]);
        let error = texts.next().expect("not the end").expect_err("the panic");
        assert!(error.to_string().contains("a defect"), "{error}");
        assert_eq!(texts.next(), None);
    }
}
