//! Whether writes are refused because the log cannot be trusted.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::{error::Error, log::Log};

/// Set when the log cannot be trusted any more: from then on writes are refused, until there is another file for it.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    is: AtomicBool,
    why: Mutex<Option<Reason>>,
}

#[derive(Debug)]
struct Reason {
    error: Error,
    /// Another file for the log would help.
    is_the_file: bool,
}

impl Broken {
    /// The reason, once there is one. Cheap while there is none.
    pub(crate) fn why(&self) -> Option<Error> {
        if !self.is.load(Ordering::Acquire) {
            return None;
        }
        self.why.lock().as_ref().map(|reason| reason.error.clone())
    }

    /// Whether another file for the log would help.
    pub(crate) fn is_the_file(&self) -> bool {
        self.is.load(Ordering::Acquire) && self.why.lock().as_ref().is_some_and(|reason| reason.is_the_file)
    }

    /// Keeps the first reason, unless a later one is for good. False: nothing changed.
    pub(super) fn set(&self, error: Error, is_the_file: bool, log: &Log) -> bool {
        let mut why = self.why.lock();
        if why.as_ref().is_some_and(|reason| is_the_file || !reason.is_the_file) {
            return false;
        }
        *why = Some(Reason { error, is_the_file });
        self.is.store(true, Ordering::Release);
        // IMPORTANT: under the lock, so that the log and this never disagree: a worker would wait for a sync for ever.
        log.set_failing(true);
        true
    }

    /// There is another file.
    pub(super) fn mend(&self, log: &Log) {
        let mut why = self.why.lock();
        if why.as_ref().is_some_and(|reason| reason.is_the_file) {
            *why = None;
            self.is.store(false, Ordering::Release);
            log.set_failing(false);
        }
    }
}
