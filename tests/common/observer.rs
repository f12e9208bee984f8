//! An observer that remembers what it is told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kimdb::{Code, Error, Observer};

#[derive(Debug, Default)]
pub struct Witness {
    flushed: Mutex<Vec<u64>>,
    failed: Mutex<Vec<Error>>,
}

impl Witness {
    pub fn new() -> Arc<Witness> {
        Arc::default()
    }

    /// Writes brought to the shards so far, as told.
    pub fn flushed(&self) -> u64 {
        self.flushed.lock().expect("no panic").iter().sum()
    }

    pub fn errors(&self) -> Vec<Error> {
        self.failed.lock().expect("no panic").clone()
    }

    pub fn saw(&self, code: Code) -> bool {
        self.errors().iter().any(|error| error.code() == code)
    }
}

impl Observer for Witness {
    fn flushed(&self, count: u64, _time: Duration) {
        self.flushed.lock().expect("no panic").push(count);
    }

    fn failed(&self, error: &Error) {
        self.failed.lock().expect("no panic").push(error.clone());
    }
}
