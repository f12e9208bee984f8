//! A process that ends without `close()`.
//!
//! Node runs environment cleanup hooks at a normal end and when a worker ends, but not in `process.exit()`; the C
//! library's exit handlers run in both. So each instance has a cleanup hook and the process has one exit handler; a
//! kill is what the log is for.

use std::sync::{
    Once,
    atomic::{AtomicBool, Ordering},
};

static BEGUN: AtomicBool = AtomicBool::new(false);

/// Whether the process is ending, so that nothing may be sent to JavaScript any more.
pub(super) fn has_begun() -> bool {
    BEGUN.load(Ordering::Acquire)
}

/// Makes the end of the process close what is open. Once is enough.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: the handler is a plain function of this library. Node may close one that only a worker has loaded; it stays in memory
        // all the same, because napi-build has it linked with `-z nodelete`.
        unsafe { libc::atexit(at_exit) };
    });
}

extern "C" fn at_exit() {
    BEGUN.store(true, Ordering::Release);
    // A panic must not cross into the C library; what was not flushed stays in the log.
    let _ = std::panic::catch_unwind(crate::engine::close_all);
}

/// All databases that this process has open.
#[napi_derive::napi]
#[derive(Debug)]
pub struct Databases {}

#[napi_derive::napi]
impl Databases {
    /// Brings everything to the shards. For runtimes whose `process.exit()` runs neither hooks nor exit handlers.
    #[napi]
    pub fn flush() {
        // What could not be flushed stays in the log; an exit goes on.
        let _ = std::panic::catch_unwind(crate::engine::flush_all);
    }
}
