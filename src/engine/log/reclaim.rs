//! Giving the log's space back, and starting it anew after recovery.

use std::{io, sync::atomic::Ordering};

use super::{Draft, Log, Lsn, header::LogHeader, record::align};

impl Log {
    /// Lets the space below `to` be overwritten, as far as no claim covers it. The caller has made everything
    /// below `to` durable in the shards.
    ///
    /// # Errors
    /// The log could not be synced: nothing is reclaimed and the log must not be trusted any more.
    pub fn reclaim(&self, to: Lsn) -> io::Result<()> {
        let _one_at_a_time = self.reclaiming.lock();
        let to = to.min(self.claims.lock().keys().next().copied().unwrap_or(to)).min(self.head());
        if to.0 <= self.tail.load(Ordering::Acquire) {
            return Ok(());
        }
        {
            let header = &mut self.appender.lock().header;
            header.start = to;
            header.synced = header.synced.max(to);
        }
        // IMPORTANT: recovery must start behind the space before that space is used again.
        let head = self.head();
        self.write_header()?;
        // What was written to a file that has lost its name is on no disk; the next sync sees to that.
        if self.check_file().is_ok() {
            self.tell_synced(head);
        }
        self.tail.store(to.0, Ordering::Release);
        Ok(())
    }

    /// Starts a new epoch, after recovery: what was written before is never mistaken for a record of it.
    /// Everything found in the log is durable in the shards. `applied`: the furthest place that a shard has, which
    /// lies behind the head if the end of the log was lost; no new record may lie before it.
    pub fn begin_epoch(&self, applied: Lsn) -> io::Result<()> {
        let from = Lsn(align(self.head().max(applied).0));
        {
            let mut appender = self.appender.lock();
            appender.header.epoch += 1;
            appender.header.start = from;
            appender.header.synced = from;
            appender.head = from.0;
            appender.ops = 0;
            self.seed.store(appender.header.seed(), Ordering::Relaxed);
        }
        self.write_header()?;
        self.tail.store(from.0, Ordering::Release);
        self.head.store(from.0, Ordering::Release);
        Ok(())
    }

    /// Writes both copies of the header, one after the other, so that there is a whole one at any time and a damaged
    /// one loses nothing.
    fn write_header(&self) -> io::Result<()> {
        for _ in 0..2 {
            self.write_one_header()?;
            self.sync_ring(self.head(), false)?;
        }
        Ok(())
    }

    /// NOTE: not with the append lock held, because writing may take as long as the disk.
    pub(super) fn write_one_header(&self) -> io::Result<()> {
        let _one_at_a_time = self.fronts.lock();
        let header = {
            let header = &mut self.appender.lock().header;
            header.sequence += 1;
            *header
        };
        self.ring.write_front(header.offset(), &header.encode())
    }

    /// Takes over a log that was found at open: `[start, end)` was scanned and is intact.
    pub(super) fn adopt(&self, end: Lsn, ops: u64) {
        let mut appender = self.appender.lock();
        appender.head = end.0;
        appender.ops = ops;
        self.head.store(end.0, Ordering::Release);
    }

    /// Puts a record at the head of a log that nobody else uses yet and that is large enough.
    pub(super) fn load(&self, draft: &mut Draft, time_ms: u64) -> io::Result<()> {
        self.put(&mut self.appender.lock(), draft, time_ms).map(|_| ())
    }

    /// The header as it was found.
    pub(super) fn header(&self) -> LogHeader {
        self.appender.lock().header
    }
}
