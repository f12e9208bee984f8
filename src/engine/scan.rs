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
    newest::newest,
    opening::flush_and_wait,
    pages::count_rows,
    shard::collection::Collection,
};

/// One scan.
pub(crate) struct Scan {
    pub(crate) what: What,
    pub(crate) done: Told,
}

/// Called once, from the scan thread, with JSON arrays.
pub(crate) type Told = Box<dyn FnOnce(Result<Vec<String>>) + Send>;

/// What a scan is for.
pub(crate) enum What {
    /// The documents of a collection that were updated last.
    Newest(Arc<Collection>, u64),
    /// The number of documents in each shard.
    Rows,
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
            for Scan { what, done } in inbox.iter() {
                let run = || match &what {
                    What::Newest(collection, limit) => {
                        flush_and_wait(&core).and_then(|()| newest(&core, collection, *limit))
                    }
                    What::Rows => rows(&core, &stop),
                };
                let run =
                    || catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(panicked(&*panic)));
                done(if stop.load(Ordering::Acquire) { Err(Error::closed()) } else { run() });
            }
        })?;
        Ok(Scanner { scans, stopping, thread })
    }

    pub(crate) fn send(&self, scan: Scan) {
        self.scans.send(scan).unwrap_or_else(|failed| (failed.0.done)(Err(Error::closed())));
    }

    /// Ends the scan under way, fails the others.
    pub(crate) fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        drop(self.scans);
        // A panic of the thread was given to its caller.
        let _ = self.thread.join();
    }
}

/// A document for [`write_document`].
pub(crate) struct Fields<'a> {
    pub(crate) id: &'a str,
    pub(crate) value: &'a [u8],
    pub(crate) version: u64,
    pub(crate) buffered: bool,
}

/// Appends `{"id":...,"data":...,"_version":...}`.
pub(crate) fn write_document(out: &mut Vec<u8>, document: &Fields<'_>) {
    out.extend_from_slice(b"{\"id\":");
    serde_json::to_writer(&mut *out, document.id).expect("a string always becomes JSON");
    out.extend_from_slice(b",\"data\":");
    out.extend_from_slice(document.value);
    out.extend_from_slice(b",\"_version\":");
    out.extend_from_slice(document.version.to_string().as_bytes());
    out.extend_from_slice(if document.buffered { b",\"_buffered\":true}" } else { b"}" });
}

/// Documents in each shard, as one JSON array.
fn rows(core: &Core, stop: &AtomicBool) -> Result<Vec<String>> {
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
    Ok(vec![format!("{counts:?}")])
}
