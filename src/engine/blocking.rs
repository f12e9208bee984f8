//! Blocking on what tells its end by a callback.

use super::{
    core::Core,
    error::{Error, Result},
    flush::Request,
    log::{Done, Until},
};

/// A callback and where its result arrives.
pub(crate) fn waiting() -> (Done, flume::Receiver<Result<()>>) {
    let (tell, told) = flume::bounded(1);
    // Nobody may listen any more.
    (Box::new(move |result| drop(tell.send(result))), told)
}

/// Blocks until the callback was called. It being dropped instead means that the threads are gone.
pub(crate) fn wait(told: &flume::Receiver<Result<()>>) -> Result<()> {
    told.recv().unwrap_or_else(|_| Err(Error::closed()))
}

/// Blocks until everything accepted so far is in the shards and durable.
pub(crate) fn flush_and_wait(core: &Core) -> Result<()> {
    let (done, logged) = waiting();
    if core.log.barrier(Until::Logged, || done) {
        wait(&logged)?;
    }
    let (done, flushed) = waiting();
    core.flush.request(Request::new(core.log.head(), done));
    wait(&flushed)
}
