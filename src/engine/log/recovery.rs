//! Finding the end of a log that a process left behind.

use std::sync::Arc;

use super::{
    Log, Lsn,
    record::{ALIGN, FLAG_PAD, Header, RECORD_HEADER},
};

/// Reads forward from where the header says and stops at the first record that is not whole. What it accepted
/// becomes the log's content. Nobody else uses the log yet.
pub fn scan(log: &Arc<Log>) {
    let (start, seed) = log.start_and_seed();
    let limit = start.0.saturating_add(log.ring.capacity());
    let mut at = start.0;
    let mut end = at;
    let mut ops = 0;
    while at < limit && at.is_multiple_of(ALIGN) {
        let left = log.ring.to_lap_end(at);
        if left < RECORD_HEADER as u64 {
            at += left;
            continue;
        }
        let length = left.min(limit - at) as usize;
        // SAFETY: the log is not written to before recovery has ended.
        let bytes = unsafe { log.ring.bytes(at, length) };
        let Some((header, _)) = Header::verify(bytes, seed, Lsn(at)) else {
            break;
        };
        if header.flags & FLAG_PAD != 0 {
            at += left;
            continue;
        }
        ops += u64::from(header.ops);
        at = Log::after(at, &header);
        end = at;
    }
    log.adopt(Lsn(end), ops);
}
