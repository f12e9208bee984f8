//! A claim keeps a part of the log in place.

use std::{
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
};

use super::{Log, Lsn, Op, record::Record};
use crate::engine::error::{Code, Error, Result};

/// While it lives, nothing from its start on is overwritten, so that it may be read without a copy.
#[derive(Debug)]
pub struct Claim {
    log: Arc<Log>,
    start: Lsn,
    /// Of the records' epoch.
    seed: u32,
}

/// One operation met on a walk.
#[derive(Debug, Clone, Copy)]
pub struct Met<'a> {
    /// The operation's own place.
    pub at: u64,
    /// First byte behind its record.
    pub end: Lsn,
    /// When the write was called, in milliseconds since 1970.
    pub time_ms: u64,
    /// The operation.
    pub op: Op<'a>,
}

impl Claim {
    /// The caller knows that nothing from `start` on is reclaimed yet, nor will be before this returns.
    pub(super) fn new(log: &Arc<Log>, start: Lsn) -> Self {
        *log.claims.lock().entry(start).or_insert(0) += 1;
        assert!(start >= log.tail(), "what is reclaimed may be overwritten");
        Claim { log: Arc::clone(log), start, seed: log.seed.load(Ordering::Relaxed) }
    }

    /// Where it starts.
    pub fn start(&self) -> Lsn {
        self.start
    }

    /// The log that it is on.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The operation at `at`, a place that [`Claim::walk`] gave.
    ///
    /// # Errors
    /// [`Code::Corrupt`] if its bytes changed since they were written.
    pub fn op(&self, at: u64) -> Result<Op<'_>> {
        assert!(at >= self.start.0 && at < self.log.head().0, "the claim covers the operation");
        self.log.op_at(at, true).map(|(op, _)| op).ok_or_else(|| self.damaged(at))
    }

    /// Has the processor fetch the operation at `at`, which is asked for soon.
    pub fn prefetch(&self, at: u64) {
        assert!(at >= self.start.0 && at < self.log.head().0, "the claim covers the operation");
        self.log.prefetch(at);
    }

    /// The same as [`Claim::op`] without computing its checksum, to find out whether it is the operation that is looked for.
    pub fn op_unchecked(&self, at: u64) -> Result<Op<'_>> {
        assert!(at >= self.start.0 && at < self.log.head().0, "the claim covers the operation");
        self.log.op_at(at, false).map(|(op, _)| op).ok_or_else(|| self.damaged(at))
    }

    /// Visits every operation in `[from, to)`, both record boundaries, in order.
    ///
    /// # Errors
    /// [`Code::Corrupt`] if a record changed since it was written.
    pub fn walk<'a>(
        &'a self,
        from: Lsn,
        to: Lsn,
        mut visit: impl FnMut(Met<'a>) -> ControlFlow<()>,
    ) -> Result<()> {
        assert!(from >= self.start && to <= self.log.head(), "the claim covers the range");
        let mut at = from.0;
        while at < to.0 {
            let record = self.record_at(at, to).ok_or_else(|| self.damaged(at))?;
            let (end, time_ms) = (Lsn(record.end()), record.header.time_ms);
            let mut ops = record.ops();
            while !ops.are_over() {
                let at = record.place(&ops);
                let op = ops.next().ok_or_else(|| self.damaged(at))?;
                if visit(Met { at, end, time_ms, op }).is_break() {
                    return Ok(());
                }
            }
            if !record.is_whole(self.seed, &ops) {
                return Err(self.damaged(record.at()));
            }
            at = end.0;
        }
        Ok(())
    }

    /// When the first write in `[from, to)`, both record boundaries, was called, in milliseconds since 1970. `None`: there is
    /// none, or what is there is no record any more. Its checksum is not made.
    pub fn first_time(&self, from: Lsn, to: Lsn) -> Option<u64> {
        assert!(from >= self.start && to <= self.log.head(), "the claim covers the range");
        let mut at = from.0;
        while at < to.0 {
            let record = self.record_at(at, to)?;
            if !record.is_empty() {
                return Some(record.header.time_ms);
            }
            at = record.end();
        }
        None
    }

    /// The first record boundary from `least` on, in `[from, to)`, both record boundaries; else `to`. `None`: what is there is
    /// no record any more.
    pub fn boundary(&self, from: Lsn, least: Lsn, to: Lsn) -> Option<Lsn> {
        assert!(from >= self.start && to <= self.log.head(), "the claim covers the range");
        let mut at = from.0;
        while at < least.min(to).0 {
            at = self.record_at(at, to)?.end();
        }
        Some(Lsn(at))
    }

    fn record_at(&self, at: u64, to: Lsn) -> Option<Record<'_>> {
        self.log.record_at(at, to.0, self.seed)
    }

    fn damaged(&self, at: u64) -> Error {
        let error = Error::new(
            Code::Corrupt,
            format!(
                "The log was changed from outside at position {at}; keep its file away from other programs \
                 and restore the database from a backup if documents are missing."
            ),
        );
        match self.log.path() {
            Some(path) => error.at(path),
            None => error,
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = self.log.claims.lock();
        if let Some(count) = claims.get_mut(&self.start) {
            *count -= 1;
            if *count == 0 {
                claims.remove(&self.start);
            }
        }
    }
}
