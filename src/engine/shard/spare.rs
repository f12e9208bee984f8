//! Connections for scans and statements, lent to one at a time.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use parking_lot::RwLockReadGuard;
use rusqlite::Connection;

use super::{connection, sqlite::SqliteShard};
use crate::engine::error::Result;

/// So many are kept open.
const KEPT: usize = 2;

/// Steps of SQLite's, some nanoseconds each, after which a scan looks whether somebody still waits for it.
const STEPS: i32 = 10_000;

impl SqliteShard {
    /// A connection that nobody else uses meanwhile, which can only look.
    pub(super) fn spare(&self) -> Result<Spare<'_>> {
        if self.is_closed() {
            return Err(self.gone());
        }
        let guest = self.guests.read();
        let kept = self.spares.lock().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => connection::guest(&self.path, self.shard, self.shards())?,
        };
        Ok(Spare { shard: self, connection: Some(connection), _guest: guest })
    }

    /// Lends a connection that nobody else uses meanwhile, which can only look.
    pub(super) fn with_spare<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        work(&mut *self.spare()?)
    }
}

/// A connection that is lent. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Spare<'a> {
    shard: &'a SqliteShard,
    connection: Option<connection::Guest>,
    _guest: RwLockReadGuard<'a, ()>,
}

impl<'a> Spare<'a> {
    /// Begins a transaction that only looks. Everything on this connection fails as interrupted soon after one of `over` is set.
    ///
    /// What it sees is settled by the first statement, or by [`Snapshot::settle`].
    pub(super) fn begin(self, over: &[Arc<AtomicBool>]) -> rusqlite::Result<Snapshot<'a>> {
        let over = over.to_vec();
        let is_over = move || over.iter().any(|over| over.load(Ordering::Acquire));
        let mut snapshot = Snapshot(self);
        snapshot.0.progress_handler(STEPS, Some(is_over))?;
        snapshot.guest().transact("BEGIN")?;
        Ok(snapshot)
    }

    fn guest(&self) -> &connection::Guest {
        self.connection.as_ref().expect("there until it is given back")
    }
}

impl Deref for Spare<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.guest()
    }
}

impl DerefMut for Spare<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("there until it is given back")
    }
}

impl Drop for Spare<'_> {
    fn drop(&mut self) {
        let mut spares = self.shard.spares.lock();
        // What a panic has left is not used again.
        if spares.len() < KEPT && !self.shard.is_closed() && !thread::panicking() && self.is_autocommit() {
            spares.extend(self.connection.take());
        }
    }
}

/// The file as it was at one moment.
#[derive(Debug)]
pub(super) struct Snapshot<'a>(Spare<'a>);

impl<'a> Deref for Snapshot<'a> {
    type Target = Spare<'a>;

    fn deref(&self) -> &Spare<'a> {
        &self.0
    }
}

impl Snapshot<'_> {
    /// From now on it is as of a moment that is over.
    pub(super) fn settle(&self) -> rusqlite::Result<()> {
        self.prepare_cached("SELECT 1 FROM sqlite_schema LIMIT 1")?.exists([]).map(|_| ())
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // NOTE: a transaction that only looked is over in any way that matters, or its connection is given up.
        let _ = self.0.progress_handler(0, None::<fn() -> bool>);
        let _ = self.guest().transact("COMMIT");
    }
}
