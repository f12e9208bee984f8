//! What V8 is told of memory outside of its heap, so that it collects garbage in time.
//!
//! Each instance reports its part of the engine's memory to the V8 of its own thread. Telling V8 costs more than a call may, so
//! it is told when a flush has ended, when the cache has grown by [`STEP`], and when figures are asked for.

use std::cell::Cell;

use napi::Env;
use napi_derive::napi;

use super::raw::Scope;
use crate::engine::Database;

/// What V8 knows of memory outside of its heap.
#[napi]
pub struct Memory {}

#[napi]
impl Memory {
    /// Bytes that it was told of, by whomever. Node.js shows the number nowhere.
    #[napi]
    pub fn external(env: Env) -> napi::Result<f64> {
        env.adjust_external_memory(0).map(|bytes| bytes as f64)
    }
}

/// Smaller changes are not worth telling, in bytes.
const STEP: usize = 1 << 20;

/// What one instance has reported. Lives on its JavaScript thread.
#[derive(Debug, Default)]
pub(super) struct External {
    reported: Cell<usize>,
    /// Bytes of the cache at that time.
    cache: Cell<usize>,
}

impl External {
    /// Tells V8 if the cache has changed much. Cheap if not.
    pub(super) fn follow_cache(&self, scope: Scope<'_>, database: &Database) {
        if database.cache_bytes().abs_diff(self.cache.get()) >= STEP {
            self.follow(scope, database);
        }
    }

    /// Tells V8 if the memory has changed much.
    pub(super) fn follow(&self, scope: Scope<'_>, database: &Database) {
        self.cache.set(database.cache_bytes());
        let bytes = database.memory();
        if bytes.abs_diff(self.reported.get()) >= STEP {
            self.report(scope, bytes);
        }
    }

    /// Takes back all that was told.
    pub(super) fn end(&self, scope: Scope<'_>) {
        self.report(scope, 0);
    }

    fn report(&self, scope: Scope<'_>, bytes: usize) {
        let before = self.reported.replace(bytes);
        // NOTE: what V8 is told is a hint, so nothing is done where this fails.
        let _ = scope.adjust_external_memory(bytes as i64 - before as i64);
    }
}
