//! Finding what a process left in its log.
//!
//! A log ends at its first record that is not whole: whoever wrote it was killed, or the power failed before it reached
//! the disk. But in front of the place up to which the header knows the log to be on the disk, such a record is damage;
//! there the search goes on at the next place where a record of this log, run and place lies.

use std::{cell::Cell, ops::Range, sync::Arc};

use super::{
    Log, Lsn,
    record::{ALIGN, RECORD_HEADER, Record},
};

/// How often the ring may be read for what looks like a record and is none.
const MOST_READS: u64 = 16;

/// What a log holds, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Content {
    /// Parts that are whole.
    pub intact: Vec<Range<Lsn>>,
    /// Parts that were on the disk and are not whole.
    pub damaged: Vec<Range<Lsn>>,
}

impl Content {
    /// A log that was just made.
    pub(super) fn all(log: &Log) -> Self {
        Content { intact: vec![log.tail()..log.head()], damaged: Vec::new() }
    }

    /// Bytes that were on the disk and are not whole.
    pub fn damaged_bytes(&self) -> u64 {
        self.damaged.iter().map(|part| part.end.0 - part.start.0).sum()
    }
}

/// Reads forward from where the header says. What it accepted becomes the log's content. Nobody else uses the log yet.
pub(super) fn scan(log: &Arc<Log>) -> Content {
    let header = log.header();
    let limit = header.start.0.saturating_add(log.capacity());
    let synced = header.synced.0.min(limit);
    // A file made to waste time could have a long record begin everywhere.
    let patience = Cell::new(log.capacity().saturating_mul(MOST_READS));
    let scan = Scan { log, seed: header.seed(), limit, read: Cell::new(0), patience };
    let mut content = Content::default();
    let (mut at, mut ops) = (header.start.0, 0);
    loop {
        let run = scan.whole_records(at);
        ops += run.ops;
        if run.end > at {
            content.intact.push(Lsn(at)..Lsn(run.end));
        }
        at = run.end;
        if run.stop >= synced {
            break;
        }
        at = scan.next_record(run.stop, synced).unwrap_or(synced);
        content.damaged.push(Lsn(run.stop)..Lsn(at));
    }
    log.adopt(Lsn(at), ops);
    content
}

struct Scan<'a> {
    log: &'a Log,
    seed: u32,
    limit: u64,
    /// See [`super::ring::Ring::read_ahead`].
    read: Cell<u64>,
    /// Bytes that may still be read in vain.
    patience: Cell<u64>,
}

/// Records without a gap.
struct Run {
    /// Behind the last of them.
    end: u64,
    /// Where there is no further one: behind padding, if that follows.
    stop: u64,
    ops: u64,
}

impl Scan<'_> {
    fn whole_records(&self, from: u64) -> Run {
        let mut run = Run { end: from, stop: from, ops: 0 };
        while run.stop < self.limit && run.stop.is_multiple_of(ALIGN) {
            let left = self.log.ring.to_lap_end(run.stop);
            if left < RECORD_HEADER as u64 {
                run.stop += left;
                continue;
            }
            let Some((record, ops)) = self.record(run.stop) else { break };
            if record.header.is_padding {
                run.stop += left;
                continue;
            }
            run.ops += ops;
            run.stop = record.end();
            run.end = run.stop;
        }
        run
    }

    /// The first place behind `from` and before `to` where a whole record lies.
    fn next_record(&self, from: u64, to: u64) -> Option<u64> {
        let mut at = (from + 1).next_multiple_of(ALIGN);
        while at < to && self.patience.get() > 0 {
            let left = self.log.ring.to_lap_end(at);
            if left < RECORD_HEADER as u64 {
                at += left;
                continue;
            }
            if self.record(at).is_some() {
                return Some(at);
            }
            at += ALIGN;
        }
        None
    }

    /// A whole record, and how many operations it has.
    fn record(&self, at: u64) -> Option<(Record<'_>, u64)> {
        let mut ahead = self.read.get();
        self.log.ring.read_ahead(at, &mut ahead);
        self.read.set(ahead);
        let record = Record::peek(self.bytes(at), Lsn(at))?;
        let mut read = 0;
        let ops = record.verify(self.seed, &mut read);
        if ops.is_none() {
            self.patience.set(self.patience.get().saturating_sub(read));
        }
        Some((record, ops?))
    }

    fn bytes(&self, at: u64) -> &[u8] {
        let length = self.log.ring.to_lap_end(at).min(self.limit - at) as usize;
        // SAFETY: the log is not written to before recovery has ended.
        unsafe { self.log.ring.bytes(at, length) }
    }
}
